"""What a checkpoint takes from the training thread, beside writing all of the state as the library does.

Run by `make bench BENCH=checkpoint`. RN50 with AdamW's statistics, 1.2 GB, on this machine's disk. Measured is the
CPU time of the training thread, from the end of a step to the update of the next, whose forward and backward pass are
left out: beside that pass the writer makes the copies. The peer is `safetensors.torch.save`, the SHA-256 and the file,
one after another.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save

from schemas.storage import Folder
from tests.bench.timing import line
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.presets import find_preset
from trainer.saving.background import Background
from trainer.saving.checkpoint import state_tensors
from trainer.saving.host_copies import Copied, HostCopies
from trainer.saving.tensor_file import write_tensors

PRESET = "rn50"
WANTED = 0.2


def main() -> None:
    preset = find_preset(PRESET)
    model = CLIP(preset.model)
    optimizer = make_optimizer(model, preset.recipe)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    files = state_tensors(model, optimizer)
    buffers = {name for name, _ in model.named_buffers()}
    num_bytes = sum(tensor.nbytes for tensors in files.values() for tensor in tensors.values())
    print(f"bench checkpoint of {PRESET}: {num_bytes / 1e9:.2f} GB")
    with tempfile.TemporaryDirectory() as directory:
        background, copies, written, made = Background("writer"), HostCopies(), list[float](), list[float]()

        def ours() -> None:
            background.wait()
            copied = copies.take(state_tensors(model, optimizer), buffers)
            background.put(_writing(Folder(f"{directory}/ours"), copied, written, made))
            copied.taken.wait()

        def theirs() -> None:
            background.wait()
            for name, tensors in files.items():
                data = save({key: tensor.detach().contiguous() for key, tensor in tensors.items()})
                assert hashlib.sha256(data).digest()
                Path(directory, name).write_bytes(data)

        copies.take(files).wait()  # the memory is taken once
        our_seconds, their_seconds = (_least_cpu_seconds(run) for run in (ours, theirs))
        background.close()
    line("checkpoint-stall", our_seconds, "safetensors in the loop", their_seconds, "s", WANTED)
    speed = num_bytes / 1e9 / min(written)
    print(
        f"the writer made the copies in {min(made):.2f} s of CPU time beside the next pass, then wrote {speed:.2f} GB/s"
    )


def _least_cpu_seconds(run: Callable[[], None], rounds: int = 2) -> float:
    """Return what this thread took: other processes, and the disk, are left out."""
    seconds = []
    for _ in range(rounds):
        start = time.thread_time()
        run()
        seconds.append(time.thread_time() - start)
    return min(seconds)


def _writing(folder: Folder, copied: Copied, written: list[float], made: list[float]) -> Callable[[], None]:
    def write() -> None:
        start = time.thread_time()
        copied.wait()
        made.append(time.thread_time() - start)
        start = time.perf_counter()
        for name, tensors in copied.files.items():
            write_tensors(folder, name, tensors)
        written.append(time.perf_counter() - start)

    return write


if __name__ == "__main__":
    main()
