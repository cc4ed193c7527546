"""AdamW with bfloat16 statistics beside torch's fused one in float32, over the same blocks of a transformer.

Run by `make bench BENCH=adam`. On the CPU by processor time, so that other work on the machine does not count; on a
CUDA GPU, when there is one, by the clock over many steps. Then how far the second moment is from float32's after 20,000
steps whose gradient becomes ten times smaller midway.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from tests.bench.timing import ROUNDS, best, line
from trainer.data.order.draws import key_of
from trainer.model.transformer import Transformer
from trainer.optim.adamw_kernel import update_part
from trainer.optim.half_adamw import HalfAdamW

WIDTH, LAYERS, HEADS = 768, 4, 12
SETTINGS = {"lr": 1e-4, "betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.2}
WANTED_TIME, WANTED_MEAN = 1.5, 1.02
GPU_STEPS = 50
STEPS, ELEMENTS, BETA2 = 20_000, 4_096, 0.999


def made(device: torch.device, dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    """Return the parameters of four blocks, with gradients."""
    torch.manual_seed(0)
    parameters = list(Transformer(WIDTH, LAYERS, HEADS).to(device, dtype).parameters())
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    return parameters


def nanoseconds(*steps: Callable[[], object], device: torch.device, elements: int) -> list[float]:
    """Return the least time of each, for a parameter."""
    if device.type == "cuda":

        def many(step: Callable[[], object]) -> Callable[[], object]:
            def run() -> None:
                for _ in range(GPU_STEPS):
                    step()
                torch.cuda.synchronize()

            return run

        for step in steps:
            step()
        torch.cuda.synchronize()
        return [1e9 * seconds / GPU_STEPS / elements for seconds in best(*map(many, steps))]
    least = [float("inf")] * len(steps)
    for _ in range(2 * ROUNDS + 1):  # the first makes statistics and kernels
        for number, step in enumerate(steps):
            start = time.process_time()
            step()
            least[number] = min(least[number], time.process_time() - start)
    return [1e9 * seconds / elements for seconds in least]


def bench_time(device: torch.device) -> None:
    plain, half, halves = made(device), made(device), made(device, torch.bfloat16)
    theirs = torch.optim.AdamW(plain, fused=True, **SETTINGS)
    ours = HalfAdamW(half, statistics=torch.bfloat16, **SETTINGS)
    ours_of_halves = HalfAdamW(halves, statistics=torch.bfloat16, **SETTINGS)
    elements = sum(parameter.numel() for parameter in plain)
    peer, *found = nanoseconds(theirs.step, ours.step, ours_of_halves.step, device=device, elements=elements)
    print(f"{elements:,} parameters in {len(plain)} tensors")
    for name, figure in zip(("adam-half-statistics", "adam-half-statistics-and-weights"), found, strict=True):
        line(name, figure, "torch's fused float32 AdamW", peer, "ns a parameter", WANTED_TIME)
    sizes = [
        sum(value.nbytes for state in optimizer.state.values() for value in state.values()) / elements
        for optimizer in (ours, theirs)
    ]
    line("adam-statistics", sizes[0], "float32", sizes[1], "bytes a parameter", 0.51)


def bench_mean() -> None:
    noise = np.random.default_rng(0).standard_normal((64, ELEMENTS), dtype=np.float32)
    half, full = (np.zeros(ELEMENTS, dtype=dtype) for dtype in (np.uint16, np.float32))
    scalars = [np.float32(value) for value in (1, 1, 0.1, BETA2, 1 - BETA2, 1, 1e-8, 0)]
    weights, first = np.zeros(ELEMENTS, dtype=np.float32), np.zeros(ELEMENTS, dtype=np.float32)
    for step in range(STEPS):
        gradients = noise[step % len(noise)] * np.float32(1.0 if step < STEPS // 2 else 0.1)
        for second in (half, full):
            update_part(weights, gradients, first, second, key_of(0, step, 0), np.uint64(0), *scalars)
    mean = float((half.astype(np.uint32) << 16).view(np.float32).mean())
    line("adam-second-moment", mean, "float32", float(full.mean()), f"after {STEPS:,} steps", WANTED_MEAN)


def main() -> None:
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    torch.set_num_threads(1)
    print(f"bench adam on {torch.cuda.get_device_name() if cuda else 'the CPU, 1 thread'}")
    bench_time(device)
    bench_mean()


if __name__ == "__main__":
    main()
