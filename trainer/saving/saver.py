"""Checkpoints of a run while it goes on: copied between two steps, written by a thread, in the order of the steps.

    steps      ... 99, 100 | 101, 102 ...
    thread                 | copies, rows of metrics, files of step 100, state.json, older ones deleted

The weights change when they are copied (`copied`): of a device the copies queue between two steps, in host memory the
thread makes them beside the next forward and backward pass.

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
from trainer.saving.host_copies import Copied, HostCopies, TensorFiles
from trainer.saving.parts import Place
from trainer.saving.sharded_checkpoint import write_sharded_checkpoint
from trainer.saving.train_state import TrainState
from trainer.step.sharding import is_sharded

CHECK_EVERY_S = 1.0
"""How often the training looks whether the thread that it waits for has failed."""


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
        self._changing = frozenset(name for name, _ in run.model.named_buffers())  # by forward passes
        self._last: Copied | None = None
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

    def copied(self) -> None:
        """Return when weights and statistics may change; raises what the thread failed with."""
        while self._last is not None and not self._last.taken.wait(timeout=CHECK_EVERY_S):
            self._background.check()
            if self._background.has_failed:  # nothing is copied any more
                break
        self._last = None

    def _take(self, tensors: TensorFiles) -> Copied:
        self._last = self._copies.take(tensors, self._changing)
        return self._last

    def _whole(self, tensors: TensorFiles, state: TrainState) -> Callable[[], None]:
        run, copied = self._run, self._take(tensors)

        def write() -> None:
            copied.wait()
            self._before()
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
        copied = self._take(rows)

        def write() -> None:
            copied.wait()
            self._before()
            write_sharded_checkpoint(
                run.folder, copied.files, held, run.model.config, run.tokenizer, state, run.identity,
                run.config.keep_checkpoints, place,
            )  # fmt: skip

        return write
