"""Speed of the training step beside transformers' CLIPModel of the same geometry, optimizer, precision and batch.

Run by `make bench BENCH=train`. On a CUDA GPU when there is one (bfloat16 autocast, large batches), else on the
CPU in float32. Captions are LAION's; ours packs them, the peer pads to its context length. The lines `full` have texts
that fill all positions. Ours normalises the images besides, from uint8.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
import torch
import transformers

from tests.bench.cpu_seconds import taken_by
from tests.bench.timing import best, line
from tests.conftest import SHARED_DATA
from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.model.text import TextTransformer
from trainer.optim.adamw import is_decayed, make_optimizer
from trainer.presets import MIN_VOCAB_SIZE, VOCAB_SIZE, ModelConfig, Preset, TextConfig, ViTConfig, find_preset
from trainer.step.step import train_step
from trainer.step.update import Updater
from trainer.tokenizer import train_tokenizer
from trainer.workers.distributed import World

LEARNING_RATE = 1e-5
WANTED, WANTED_TOWER = 1.4, 4.5


@dataclass(frozen=True)
class Plan:
    """How one preset is measured."""

    preset: str
    batch_size: int
    steps: int
    """Of one round."""
    rounds: int


CPU_PLANS = (Plan("vit-b-32", 32, 1, 3),)
GPU_PLANS = (Plan("vit-b-32", 1024, 10, 3), Plan("vit-l-14", 128, 5, 3))


def their_model(config: ModelConfig) -> torch.nn.Module:
    """Return transformers' CLIPModel of the geometry of `config`."""
    image, text = config.image, config.text
    assert isinstance(image, ViTConfig)
    return transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config={
                "vocab_size": text.vocab_size, "hidden_size": text.width, "intermediate_size": 4 * text.width,
                "num_hidden_layers": text.layers, "num_attention_heads": text.heads,
                "max_position_embeddings": text.context_length, "bos_token_id": text.vocab_size - 2,
                "eos_token_id": text.vocab_size - 1, "pad_token_id": 0,
            },
            vision_config={
                "hidden_size": image.width, "intermediate_size": 4 * image.width, "num_hidden_layers": image.layers,
                "num_attention_heads": image.heads, "image_size": image.image_px, "patch_size": image.patch_px,
            },
            projection_dim=config.embed_dim,
        )
    )  # fmt: skip


def real_texts(num: int, context_length: int) -> PackedTexts:
    """Return captions of LAION, in the order of their table, by a tokenizer trained on all of it."""
    table = pq.read_table(SHARED_DATA / "captions" / "test_10000.parquet", columns=["TEXT"])
    captions = [caption for caption in table["TEXT"].to_pylist() if caption]
    tokenizer = train_tokenizer(captions, vocab_size=VOCAB_SIZE, context_length=context_length)
    return tokenizer.encode(captions[:num])


def full_texts(num: int, config: TextConfig) -> PackedTexts:
    """Return noise of as many tokens as there are positions."""
    tokens = np.random.default_rng(0).integers(1, MIN_VOCAB_SIZE, (num, config.context_length))
    return PackedTexts.from_rows(tokens.tolist())


def made_batch(config: ModelConfig, texts: PackedTexts) -> Batch:
    """Return noise as images."""
    draw = np.random.default_rng(0)
    shape = (texts.num, 3, config.image.image_px, config.image.image_px)
    return Batch(
        ids=np.arange(texts.num, dtype=np.int64),
        images_b3PP=torch.from_numpy(draw.integers(0, 256, shape, dtype=np.uint8)),
        captions=[""] * texts.num,
        texts=texts,
        replaced=0,
    )


def our_step(preset: Preset, batch: Batch, device: torch.device) -> Callable[[], torch.Tensor]:
    model = CLIP(preset.model).to(device)
    updater = Updater(model, make_optimizer(model, preset.recipe))
    world = World(0, 1, device)

    def step() -> torch.Tensor:
        loss, _ = train_step(
            model, updater, batch, world, step=1, global_batch_size=len(batch.images_b3PP),
            learning_rate=LEARNING_RATE, autocast=torch.bfloat16 if device.type == "cuda" else None,
        )  # fmt: skip
        return loss

    return step


def their_step(preset: Preset, batch: Batch, device: torch.device) -> Callable[[], torch.Tensor]:
    """Return a step over the same texts, padded to the context length, and normalised images."""
    model = their_model(preset.model).to(device).train()
    named, recipe = list(model.named_parameters()), preset.recipe
    groups = [
        {"params": [p for name, p in named if is_decayed(name, p) is decayed], "weight_decay": decay}
        for decayed, decay in ((True, recipe.weight_decay), (False, 0.0))
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=LEARNING_RATE, betas=(recipe.beta1, recipe.beta2), eps=recipe.eps, fused=True
    )
    tokens, eos = batch.texts.padded(preset.model.text.context_length)
    tokens[torch.arange(len(tokens)), eos] = preset.model.text.vocab_size - 1  # by which the peer finds the end
    images = batch.images_b3PP.float().div_(127.5).sub_(1)

    def step() -> torch.Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            found = model(
                input_ids=tokens.to(device, non_blocking=True),
                pixel_values=images.to(device, non_blocking=True),
                return_loss=True,
            )
        optimizer.zero_grad(set_to_none=True)
        found.loss.backward()
        optimizer.step()
        return found.loss.detach()

    return step


def least(*runs: Callable[[], object], rounds: int, device: torch.device) -> list[float]:
    """Return the least seconds of each run, taken in turn: of the processor where it computes, else by the clock."""
    if device.type == "cuda":
        return best(*runs, rounds=rounds)
    seconds = [float("inf")] * len(runs)
    for _ in range(rounds):
        seconds = [min(found, taken_by(run).cpu) for found, run in zip(seconds, runs, strict=True)]
    return seconds


def bench_step(name: str, plan: Plan, texts: PackedTexts, device: torch.device) -> None:
    preset = find_preset(plan.preset)
    batch = made_batch(preset.model, texts)
    runs = []
    for make in (our_step, their_step):
        torch.manual_seed(0)
        step = make(preset, batch, device)
        step()

        def run(step: Callable[[], torch.Tensor] = step) -> None:
            for _ in range(plan.steps):
                loss = step()
            assert torch.isfinite(loss)  # waits for the device

        runs.append(run)
    ours, theirs = least(*runs, rounds=plan.rounds, device=device)
    samples = plan.steps * plan.batch_size
    wanted = WANTED if name.endswith("captions") else 1.0
    line(name, samples / ours, "transformers", samples / theirs, "samples/s", wanted)


def bench_tower(texts: PackedTexts, device: torch.device) -> None:
    """Compare ViT-B/32's text tower, forward and backward, on packed texts and on the same texts padded."""
    torch.manual_seed(0)
    config = find_preset("vit-b-32").model
    tower = TextTransformer(config.text, config.embed_dim).to(device)
    texts = texts.to(device)
    padded = texts.padded(config.text.context_length)

    def taken(encode: Callable[[], torch.Tensor]) -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            features = encode()
        features.float().square().sum().backward()
        assert torch.isfinite(features).all()

    ours, theirs = least(
        lambda: taken(lambda: tower(texts)),
        lambda: taken(lambda: tower.encode_padded(*padded)),
        rounds=3,
        device=device,
    )
    num_tokens = len(texts.tokens_T)
    print(f"{texts.num} captions of {num_tokens / texts.num:.1f} tokens on average, {texts.lengths.max()} at most")
    line("train-text-tower", texts.num / ours, "padded to 77", texts.num / theirs, "texts/s", WANTED_TOWER)


def main() -> None:
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    if cuda:
        torch.backends.cuda.matmul.allow_tf32 = True
    else:
        torch.set_num_threads(1)  # processor time of threads that wait for one another says little
    print(f"bench train on {torch.cuda.get_device_name() if cuda else 'the CPU, one thread, by processor time'}")
    bench_tower(real_texts(4_096 if cuda else 64, 77), device)
    for plan in GPU_PLANS if cuda else CPU_PLANS:
        text = find_preset(plan.preset).model.text
        bench_step(f"train-{plan.preset}-captions", plan, real_texts(plan.batch_size, text.context_length), device)
        bench_step(f"train-{plan.preset}-full", plan, full_texts(plan.batch_size, text), device)


if __name__ == "__main__":
    main()
