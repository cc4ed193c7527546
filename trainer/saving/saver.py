"""Checkpoints of a run while it goes on: copied between two steps, written by a thread, in the order of the steps.

    steps      ... 99, 100 | copy | 101, 102 ...
    thread                          rows of metrics, files of step 100, state.json, older ones deleted

Where each worker holds all, only the first one writes, and none waits for it: the others hold the same weights, and
BatchNorm's running statistics are the first one's. Where workers hold shards each writes its own
(`trainer.saving.parts`). Where a run is killed meanwhile, the checkpoint before is whole.
"""

import secrets
from collections.abc import Callable

from trainer.assembly import Run
from trainer.saving.background import Background
from trainer.saving.checkpoint import state_tensors, write_checkpoint
from trainer.saving.held_rows import held_rows
from trainer.saving.host_copies import HostCopies, TensorFiles
from trainer.saving.parts import Place
from trainer.saving.sharded_checkpoint import write_sharded_checkpoint
from trainer.saving.train_state import TrainState
from trainer.step.sharding import is_sharded


class Saver:
    """Of the first worker; those of the others do nothing, or write their shards."""

    def __init__(self, run: Run, background: Background, before: Callable[[], None]) -> None:
        """`before` is called by the thread before it writes a checkpoint: what belongs to earlier steps is in files.

        All workers make theirs together.
        """
        self._run = run
        self._background = background
        self._before = before
        self._copies = HostCopies()
        self._place: Place | None = None
        if is_sharded(run.model):
            # the name is that of records, which do not stay: nothing of a run depends on it
            name = run.world.from_first(lambda: secrets.token_hex(8).encode()).decode()
            self._place = Place(run.world.rank, run.world.size, name, run.config.collective_timeout_s)

    def save(self, state: TrainState) -> None:
        """Have the run as it is now be written; waits where the checkpoint before is not written yet."""
        if not self._run.world.first and self._place is None:
            return
        self._background.wait()  # the copies have memory for one checkpoint
        tensors = state_tensors(self._run.model, self._run.optimizer, self._run.ema)
        self._background.put(self._whole(tensors, state) if self._place is None else self._part(tensors, state))

    def _whole(self, tensors: TensorFiles, state: TrainState) -> Callable[[], None]:
        run, copied = self._run, self._copies.take(tensors)

        def write() -> None:
            self._before()
            copied.wait()
            write_checkpoint(
                run.folder, copied.files, run.model.config, run.tokenizer, state, run.identity,
                run.config.keep_checkpoints,
            )  # fmt: skip

        return write

    def _part(self, tensors: TensorFiles, state: TrainState) -> Callable[[], None]:
        run, place = self._run, self._place
        assert place is not None
        held = held_rows(tensors, is_first=run.world.first)
        rows = {file: {name: one.rows for name, one in of_file.items()} for file, of_file in held.items()}
        copied = self._copies.take(rows)

        def write() -> None:
            self._before()
            copied.wait()
            write_sharded_checkpoint(
                run.folder, copied.files, held, run.model.config, run.tokenizer, state, run.identity,
                run.config.keep_checkpoints, place,
            )  # fmt: skip

        return write
