"""Python's collector of cycles, kept from stopping a worker at a moment of its own: all wait for the slowest."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class Collections:
    """Collects when all workers do: after the same steps."""

    def __init__(self, every_steps: int) -> None:
        self._every_steps = every_steps

    def after(self, step: int) -> None:
        """Collect what the steps since the last collection left."""
        if step % self._every_steps == 0:
            gc.collect()


@contextmanager
def steady_collections(every_steps: int = 100) -> Iterator[Collections]:
    """Leave out what is there now from all collections, and collect only when told, until the block ends."""
    was_enabled = gc.isenabled()
    gc.disable()
    gc.collect()
    gc.freeze()
    try:
        yield Collections(every_steps)
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
