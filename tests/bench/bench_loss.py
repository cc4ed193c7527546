"""The contrastive loss beside the eager one, and beside torch's chunked cross entropy twice: time and memory.

Run by `make bench BENCH=loss`. Forward and backward in float32 on one worker and one thread (several that wait for one
another spend CPU time, too), 512 features a row; CPU seconds, and by how much the most resident memory grows, each in a
process of its own. The largest batch is measured of ours alone: eager it takes 16 GB.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from tests.bench.timing import line
from trainer.loss.contrastive import contrastive_loss
from trainer.workers.distributed import World

WIDTH = 512
COMPARED = (8_192, 16_384)
LARGEST = 32_768
WANTED_RATIO, WANTED_MIB = 0.75, 256.0
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def ours(images_BE: torch.Tensor, texts_BE: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return contrastive_loss(images_BE, texts_BE, scale, World(0, 1, torch.device("cpu")), len(images_BE))


def eager(images_BE: torch.Tensor, texts_BE: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    labels_B = torch.arange(len(images_BE))
    image_logits_BB = scale * images_BE @ texts_BE.T
    text_logits_BB = scale * texts_BE @ images_BE.T
    return (F.cross_entropy(image_logits_BB, labels_B) + F.cross_entropy(text_logits_BB, labels_B)) / 2


def chunked(images_BE: torch.Tensor, texts_BE: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    labels_B = torch.arange(len(images_BE))
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=512)
    both = (
        F.linear_cross_entropy(scale * rows_BE, others_BE, labels_B, options=options)
        for rows_BE, others_BE in ((images_BE, texts_BE), (texts_BE, images_BE))
    )
    return sum(both, torch.zeros(())) / 2


LOSSES: dict[str, Loss] = {"ours": ours, "eager": eager, "linear_cross_entropy": chunked}


def most_resident_mib() -> float:
    (told,) = (row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM"))
    return int(told.split()[1]) / 1024


def forget_most_resident() -> None:
    """Let the kernel count the most resident memory from now on (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def measure(name: str, batch_size: int) -> tuple[float, float, float]:
    """Return CPU seconds of forward and backward, MiB that they needed at most, and the loss."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    drawn = (torch.randn(batch_size, WIDTH, generator=generator) for _ in range(2))
    images_BE, texts_BE = (F.normalize(rows, dim=1).requires_grad_() for rows in drawn)
    scale = torch.tensor(14.3, requires_grad=True)
    LOSSES[name](images_BE[:64], texts_BE[:64], scale).backward()
    images_BE.grad = texts_BE.grad = None
    forget_most_resident()
    before_mib, before_s = most_resident_mib(), time.process_time()
    loss = LOSSES[name](images_BE, texts_BE, scale)
    loss.backward()
    return time.process_time() - before_s, most_resident_mib() - before_mib, float(loss.detach())


def in_a_process(name: str, batch_size: int) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "tests.bench.bench_loss", name, str(batch_size)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, mib, loss = json.loads(told)
    return seconds, mib, loss


def main() -> None:
    print(f"bench loss on the CPU, one thread, {WIDTH} features a row, float32")
    for batch_size in COMPARED:
        found = {name: in_a_process(name, batch_size) for name in LOSSES}
        our_s, our_mib, our_loss = found["ours"]
        for peer in ("eager", "linear_cross_entropy"):
            peer_s, peer_mib, peer_loss = found[peer]
            assert abs(our_loss - peer_loss) < 1e-4 * peer_loss, found
            line(f"loss-{batch_size}", our_s, peer, peer_s, "CPU s", WANTED_RATIO)
            line(f"loss-{batch_size}-memory", our_mib, peer, peer_mib, "MiB", 1)
    seconds, mib, _ = in_a_process("ours", LARGEST)
    line(f"loss-{LARGEST}-memory", mib, "bound", WANTED_MIB, "MiB", 1)
    print(f"loss-{LARGEST}: {seconds:.1f} CPU s")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
