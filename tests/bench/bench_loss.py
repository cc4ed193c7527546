"""The contrastive loss beside the eager one, and beside torch's chunked cross entropy twice: time and memory.

Run by `make bench BENCH=loss`. Forward and backward of one worker, 512 features a row, each in a process of its own. On
a CPU in float32 by one thread (several that wait for one another spend CPU time, too): CPU seconds, and by how much the
most resident memory grows. On a CUDA GPU, where there is one, as in training: seconds by the clock, least of three, and
by how much the most allocated memory grows. The largest batch is measured of ours alone: eager it takes 16 GB and more.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from tests.bench.timing import line
from trainer.loss.contrastive import contrastive_loss
from trainer.workers.distributed import World

WIDTH = 512
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
NEAR = {"cpu": 1e-4, "cuda": 1e-3}
"""How near the losses must be, of the loss; products are TF32 on a GPU."""
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def ours(images_BE: torch.Tensor, texts_BE: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return contrastive_loss(images_BE, texts_BE, scale, World(0, 1, DEVICE), len(images_BE))


def eager(images_BE: torch.Tensor, texts_BE: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    labels_B = torch.arange(len(images_BE), device=DEVICE)
    image_logits_BB = scale * images_BE @ texts_BE.T
    text_logits_BB = scale * texts_BE @ images_BE.T
    return (F.cross_entropy(image_logits_BB, labels_B) + F.cross_entropy(text_logits_BB, labels_B)) / 2


def chunked(images_BE: torch.Tensor, texts_BE: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    labels_B = torch.arange(len(images_BE), device=DEVICE)
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=512)
    both = (
        F.linear_cross_entropy(scale * rows_BE, others_BE, labels_B, options=options)
        for rows_BE, others_BE in ((images_BE, texts_BE), (texts_BE, images_BE))
    )
    return sum(both, torch.zeros((), device=DEVICE)) / 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured on one kind of device."""

    compared: tuple[int, ...]
    """Batches of ours and of the peers."""
    largest: int
    wanted_ratio: float
    """Of ours to a peer's seconds."""
    wanted_mib: float
    """Of the largest batch."""
    seconds: str


PLANS = {
    "cpu": Plan(compared=(8_192, 16_384), largest=32_768, wanted_ratio=0.75, wanted_mib=256, seconds="CPU s"),
    "cuda": Plan(compared=(16_384, 65_536), largest=262_144, wanted_ratio=0.5, wanted_mib=6_000, seconds="s"),
}

LOSSES: dict[str, Loss] = {"ours": ours, "eager": eager, "linear_cross_entropy": chunked}


def most_resident_mib() -> float:
    (told,) = (row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM"))
    return int(told.split()[1]) / 1024


def forget_most_resident() -> None:
    """Let the kernel count the most resident memory from now on (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def measure(name: str, batch_size: int, device: torch.device) -> tuple[float, float, float]:
    """Return seconds of forward and backward, MiB that they needed at most, and the loss."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    drawn = (torch.randn(batch_size, WIDTH, generator=generator).to(device) for _ in range(2))
    images_BE, texts_BE = (F.normalize(rows, dim=1).requires_grad_() for rows in drawn)
    scale = torch.tensor(14.3, device=device, requires_grad=True)
    inputs = (images_BE, texts_BE, scale)

    def run(rows: int) -> float:
        loss = LOSSES[name](images_BE[:rows], texts_BE[:rows], scale)
        loss.backward()
        for one in inputs:
            one.grad = None
        return float(loss.detach())  # waits for the device

    run(64)
    if device.type == "cuda":
        return _on_gpu(lambda: run(batch_size), device)
    forget_most_resident()
    before_mib, before_s = most_resident_mib(), time.process_time()
    loss = run(batch_size)
    return time.process_time() - before_s, most_resident_mib() - before_mib, loss


def _on_gpu(run: Callable[[], float], device: torch.device) -> tuple[float, float, float]:
    torch.backends.cuda.matmul.allow_tf32 = True  # of eager products, too
    run()
    torch.cuda.reset_peak_memory_stats(device)
    before_bytes, least_s = torch.cuda.memory_allocated(device), float("inf")
    for _ in range(3):
        began_s = time.perf_counter()
        loss = run()
        least_s = min(least_s, time.perf_counter() - began_s)
    return least_s, (torch.cuda.max_memory_allocated(device) - before_bytes) / 2**20, loss


def in_a_process(name: str, batch_size: int) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "tests.bench.bench_loss", name, str(batch_size)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, mib, loss = json.loads(told)
    return seconds, mib, loss


def main() -> None:
    plan = PLANS[DEVICE.type]
    where = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "the CPU, one thread, float32"
    print(f"bench loss on {where}, {WIDTH} features a row, torch {torch.__version__}")
    for batch_size in plan.compared:
        found = {name: in_a_process(name, batch_size) for name in LOSSES}
        our_s, our_mib, our_loss = found["ours"]
        for peer in ("eager", "linear_cross_entropy"):
            peer_s, peer_mib, peer_loss = found[peer]
            assert abs(our_loss - peer_loss) < NEAR[DEVICE.type] * peer_loss, found
            line(f"loss-{batch_size}", our_s, peer, peer_s, plan.seconds, plan.wanted_ratio)
            line(f"loss-{batch_size}-memory", our_mib, peer, peer_mib, "MiB", 1)
    seconds, mib, _ = in_a_process("ours", plan.largest)
    line(f"loss-{plan.largest}-memory", mib, "bound", plan.wanted_mib, "MiB", 1)
    print(f"loss-{plan.largest}: {seconds:.3g} {plan.seconds}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), DEVICE)))
    else:
        main()
