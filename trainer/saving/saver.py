"""Checkpoints of a run while it goes on: copied between two steps, written by a thread, in the order of the steps.

    steps      ... 99, 100 | copy | 101, 102 ...
    thread                          rows of metrics, files of step 100, state.json, older ones deleted

Only the first worker writes, and none waits for it: the others hold the same weights, and BatchNorm's running
statistics are the first one's. Where a run is killed meanwhile, the checkpoint before is whole.
"""

from collections.abc import Callable

from trainer.assembly import Run
from trainer.checkpoint import TrainState, state_tensors, write_checkpoint
from trainer.saving.background import Background
from trainer.saving.host_copies import HostCopies


class Saver:
    """Of the first worker; those of the others do nothing."""

    def __init__(self, run: Run, background: Background, before: Callable[[], None]) -> None:
        """`before` is called by the thread before it writes a checkpoint: what belongs to earlier steps is in files."""
        self._run = run
        self._background = background
        self._before = before
        self._copies = HostCopies()

    def save(self, state: TrainState) -> None:
        """Have the run as it is now be written; waits where the checkpoint before is not written yet."""
        run = self._run
        if not run.world.first:
            return
        self._background.wait()  # the copies have memory for one checkpoint
        copied = self._copies.take(state_tensors(run.model, run.optimizer, run.ema))

        def write() -> None:
            self._before()
            copied.wait()
            write_checkpoint(
                run.folder, copied.files, run.model.config, run.tokenizer, state, run.identity,
                run.config.keep_checkpoints,
            )  # fmt: skip

        self._background.put(write)
