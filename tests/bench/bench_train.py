"""Speed of the training step beside transformers' CLIPModel of the same geometry, optimizer, precision and batch.

Run by `make bench BENCH=train`. On a CUDA GPU when there is one (bfloat16 autocast, large batches), else on the
CPU in float32. Both see full rows of tokens; ours normalises the images besides, from uint8. The last lines are of
tokens as long as captions are: ours cuts the batch to its longest row, the peer pads to its context length.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import transformers

from tests.bench.timing import best, line
from trainer.data.loader import Batch
from trainer.distributed import World
from trainer.model.clip import CLIP
from trainer.optim.adamw import is_decayed, make_optimizer
from trainer.presets import ModelConfig, Preset, ViTConfig, find_preset
from trainer.step import train_step
from trainer.update import Updater

SHORT_LENGTH = 24
LEARNING_RATE = 1e-5
WANTED = 1.0


@dataclass(frozen=True)
class Plan:
    """How one preset is measured."""

    preset: str
    batch_size: int
    steps: int
    """Of one round."""
    rounds: int


CPU_PLANS = (Plan("vit-tiny", 128, 5, 5), Plan("vit-b-32", 16, 1, 3))
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


def made_batch(config: ModelConfig, batch_size: int, length: int) -> Batch:
    """Return noise whose texts end at the last of `length` positions."""
    draw = np.random.default_rng(0)
    shape = (batch_size, 3, config.image.image_px, config.image.image_px)
    tokens = draw.integers(1, config.text.vocab_size - 2, (batch_size, length))
    tokens[:, -1] = config.text.vocab_size - 1
    return Batch(
        indices=np.arange(batch_size, dtype=np.int64),
        images_b3PP=torch.from_numpy(draw.integers(0, 256, shape, dtype=np.uint8)),
        tokens_bL=torch.from_numpy(tokens),
        eos_b=torch.full((batch_size,), length - 1),
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
    padding = preset.model.text.context_length - batch.tokens_bL.shape[1]
    tokens = torch.nn.functional.pad(batch.tokens_bL, (0, padding))
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


def bench(name: str, plan: Plan, length: int, device: torch.device) -> None:
    preset = find_preset(plan.preset)
    batch = made_batch(preset.model, plan.batch_size, length)
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
    our_seconds, their_seconds = best(*runs, rounds=plan.rounds)
    samples = plan.steps * plan.batch_size
    line(name, samples / our_seconds, "transformers", samples / their_seconds, "samples/s", WANTED)


def main() -> None:
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    if cuda:
        torch.backends.cuda.matmul.allow_tf32 = True
    print(f"bench train on {torch.cuda.get_device_name() if cuda else f'the CPU, {torch.get_num_threads()} threads'}")
    for plan in GPU_PLANS if cuda else CPU_PLANS:
        full = find_preset(plan.preset).model.text.context_length
        bench(f"train-{plan.preset}", plan, full, device)
        bench(f"train-{plan.preset}-captions", plan, min(SHORT_LENGTH, full), device)


if __name__ == "__main__":
    main()
