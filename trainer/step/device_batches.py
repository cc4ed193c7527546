"""Batches of host memory in, the same on the worker's device out, copied while the step before runs.

    compute stream   step 1 ............. | step 2 ............. | step 3
    copy stream             batch 2            batch 3
    host             waits no longer than until step 1 is done before it starts step 3

The copies need memory that is locked (the loader's is, for CUDA); from other memory they are right, but wait.
Images that were decoded there (`data/loading/device_decoding.py`) stay where they are.
"""

import dataclasses
from collections import deque
from collections.abc import Generator, Iterable

import torch

from trainer.data.batch import Batch

STEPS_AHEAD = 2
"""The host starts a step when the one this many before it is done: the device never runs dry, and no more batches than
these lie in its memory."""


def device_batches(batches: Iterable[Batch], device: torch.device) -> Generator[Batch, None, None]:
    """Yield each batch with its tensors on `device`; a step may be started on them at once."""
    if device.type != "cuda":
        yield from batches
        return
    copies, compute = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    held: deque[tuple[Batch, torch.cuda.Event]] = deque()
    steps: deque[torch.cuda.Event] = deque()
    for batch in batches:
        moved, copied = _move(batch, device, copies)
        held.append((batch, copied))  # until it is copied: the loader fills the memory of a batch nobody holds anew
        del batch
        compute.wait_event(copied)
        for tensor in (moved.images_b3PP, moved.texts.tokens_T, moved.texts.starts_N1):
            tensor.record_stream(compute)  # allocated on the stream of copies, which alone would use its memory again
        yield moved
        del moved
        steps.append(torch.cuda.Event())
        steps[-1].record(compute)
        if len(steps) >= STEPS_AHEAD:
            steps.popleft().synchronize()
        while held and held[0][1].query():
            held.popleft()


def _move(batch: Batch, device: torch.device, stream: torch.cuda.Stream) -> tuple[Batch, torch.cuda.Event]:
    copied = torch.cuda.Event()
    with torch.cuda.stream(stream):
        moved = dataclasses.replace(
            batch,
            images_b3PP=batch.images_b3PP.to(device, non_blocking=True),
            texts=batch.texts.pin_memory().to(device, non_blocking=True),
        )
        copied.record()
    return moved, copied
