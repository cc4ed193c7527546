"""A run that can write no more: its last line says what failed, what room is needed, and where it goes on."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.storage import Folder
from schemas.write_failures import WRITE_FAILURES
from trainer.saving.checkpoint import state_tensors
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.saving.trained import Trained


@contextmanager
def telling_write_failures(folder: Folder, trained: Trained) -> Iterator[None]:
    """Raise what a write to the run's `folder` failed with as one that says how the same command goes on."""
    try:
        yield
    except OSError as error:
        if error.errno not in WRITE_FAILURES:
            raise
        raise OSError(f"{error.filename or folder.url}: {error.strerror}; {_outlook(folder, trained)}") from error


def _outlook(folder: Folder, trained: Trained) -> str:
    steps = find_checkpoints(folder)
    goes_on = f"it goes on from step {steps[-1]}" if steps else "it begins anew, as no checkpoint was finished"
    needed = f"a checkpoint takes {checkpoint_bytes(trained) / 1e6:,.1f} MB"
    return f"{needed}{_free(folder)}; make room, then run the same command again: {goes_on}"


def checkpoint_bytes(trained: Trained) -> int:
    """Return the bytes of tensors in a checkpoint, of all workers' shards together."""
    files = state_tensors(trained.model, trained.optimizer, trained.ema)
    return sum(one.numel() * one.element_size() for tensors in files.values() for one in tensors.values())


def _free(folder: Folder) -> str:
    return f", {shutil.disk_usage(folder.root).free / 1e6:,.1f} MB are free" if folder.local else ""
