"""Speed of the training step beside open_clip's and transformers': geometry, optimizer, precision, batch are the same.

Run by `make bench BENCH=train`; open_clip takes part where `make peers` has made its environment. On a CUDA GPU when
there is one (bfloat16 autocast, large batches, by the clock), else on the CPU in float32, by processor time. Captions
are LAION's; ours packs them, the peers pad to their context length. The lines `full` have texts that fill all
positions. Ours normalises the images besides, from uint8. Useful MFU counts the products over real pixels and tokens.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch

from tests.bench.cpu_seconds import taken_by
from tests.bench.timing import best, line
from tests.bench.train_steps import (
    OPEN_CLIP_NAMES,
    Step,
    Steps,
    made_batch,
    open_clip_steps,
    our_step,
    transformers_step,
)
from tests.conftest import SHARED_DATA
from tests.peers.environments import ENVIRONMENTS
from tests.support.real_captions import real_captions
from trainer.data.packed_texts import PackedTexts
from trainer.model.flops import StepFlops, peak_flops
from trainer.model.text import TextTransformer
from trainer.presets import MIN_VOCAB_SIZE, VOCAB_SIZE, TextConfig, ViTConfig, find_preset
from trainer.tokenizer import train_tokenizer

WANTED_TOWER = 4.5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one preset is measured."""

    preset: str
    batch_size: int
    steps: int
    """Of one round."""
    rounds: int
    wanted: float
    """Of a peer's samples a second, on LAION's captions."""
    wanted_full: float
    """On texts that fill all positions."""
    wanted_mfu: float | None = None


CPU_PLANS = (Plan(preset="vit-b-32", batch_size=32, steps=1, rounds=3, wanted=1.4, wanted_full=1.0),)
GPU_PLANS = (
    Plan(preset="vit-b-32", batch_size=1024, steps=20, rounds=5, wanted=1.35, wanted_full=1.15, wanted_mfu=0.4),
    Plan(preset="vit-l-14", batch_size=128, steps=10, rounds=5, wanted=1.15, wanted_full=1.0, wanted_mfu=0.5),
    Plan(preset="rn50", batch_size=512, steps=10, rounds=5, wanted=1.15, wanted_full=1.0),
)


def real_texts(num: int, context_length: int) -> PackedTexts:
    """Return captions of LAION, in the order of their table, by a tokenizer trained on all of it."""
    captions = real_captions(SHARED_DATA, "test_10000.parquet")
    tokenizer = train_tokenizer(captions, vocab_size=VOCAB_SIZE, context_length=context_length)
    return tokenizer.encode(captions[:num])


def full_texts(num: int, config: TextConfig) -> PackedTexts:
    """Return noise of as many tokens as there are positions."""
    tokens = np.random.default_rng(0).integers(1, MIN_VOCAB_SIZE, (num, config.context_length))
    return PackedTexts.from_rows(tokens.tolist())


def least(*runs: Callable[[], object], rounds: int, device: torch.device) -> list[float]:
    """Return the least seconds of each run, taken in turn: of the processor where it computes, else by the clock."""
    if device.type == "cuda":
        return best(*runs, rounds=rounds)
    seconds = [float("inf")] * len(runs)
    for _ in range(rounds):
        seconds = [min(found, taken_by(run).cpu) for found, run in zip(seconds, runs, strict=True)]
    return seconds


def _timed(step: Step, device: torch.device) -> Steps:
    """Return what takes steps of this process, after a first."""
    step()

    def steps(number: int) -> float:
        def run() -> None:
            for _ in range(number):
                loss = step()
            assert torch.isfinite(loss)  # waits for the device

        return least(run, rounds=1, device=device)[0]

    return steps


def bench_step(plan: Plan, texts: PackedTexts, kind: str, device: torch.device) -> None:
    preset = find_preset(plan.preset)
    batch = made_batch(preset.model, texts)
    name = f"train-{plan.preset}-{kind}"
    with ExitStack() as stack:
        torch.manual_seed(0)
        takers = {"ours": _timed(our_step(preset, batch, device), device)}
        if isinstance(preset.model.image, ViTConfig):
            takers["transformers"] = _timed(transformers_step(preset, batch, device), device)
        if ENVIRONMENTS["open_clip"].is_made():
            threads = torch.get_num_threads()
            theirs = open_clip_steps(OPEN_CLIP_NAMES[plan.preset], preset, batch, threads)
            takers["open_clip"] = stack.enter_context(theirs)
        else:
            print(f"{name}: open_clip is left out; `make peers` makes its environment")
        seconds = dict.fromkeys(takers, float("inf"))
        for _ in range(plan.rounds):
            for taker, take in takers.items():
                seconds[taker] = min(seconds[taker], take(plan.steps))
    samples = plan.steps * plan.batch_size
    wanted = plan.wanted if kind == "captions" else plan.wanted_full
    for peer in [taker for taker in takers if taker != "ours"]:
        line(name, samples / seconds["ours"], peer, samples / seconds[peer], "samples/s", wanted)
    peak = peak_flops(device)
    if peak is not None:
        useful = plan.steps * StepFlops(preset.model).of(texts.lengths) / peak
        shares = ", ".join(f"{taker} {useful / taken:.1%}" for taker, taken in seconds.items())
        told = "" if plan.wanted_mfu is None or kind != "captions" else f", wanted {plan.wanted_mfu:.0%}"
        print(f"bench {name}-mfu: {shares} of {peak / 1e12:.0f} TFLOP/s{told}", flush=True)


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
        torch.backends.cudnn.benchmark = True
    else:
        torch.set_num_threads(1)  # processor time of threads that wait for one another says little
    where = torch.cuda.get_device_name() if cuda else "the CPU, one thread, by processor time"
    print(f"bench train on {where}, torch {torch.__version__}")
    bench_tower(real_texts(4_096 if cuda else 64, 77), device)
    for plan in GPU_PLANS if cuda else CPU_PLANS:
        text = find_preset(plan.preset).model.text
        bench_step(plan, real_texts(plan.batch_size, text.context_length), "captions", device)
        bench_step(plan, full_texts(plan.batch_size, text), "full", device)


if __name__ == "__main__":
    main()
