"""The blocks that a worker has open: fetched before their first row, given up after their last.

In: the rows of the coming batches, in their order. Out: the block of any of them, when it is there.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from trainer.data.order.mixture import Rows
from trainer.data.read.block import Block

Key = tuple[int, int]
"""(source, block)."""

MAX_OTHERS = 4
"""Blocks held that no row is in, but whose samples replace those of blocks that are."""


class LiveBlocks:
    """Open blocks of several sources."""

    def __init__(
        self,
        open_block: Callable[[int, int], tuple[Block, int]],
        threads: int,
        given_up: Callable[[int, int], None] = lambda source, block: None,
    ) -> None:
        """`open_block` gives a block of a source and its bytes; called by `threads` threads.

        `given_up` is called with each block that is not needed any more.
        """
        self._open = open_block
        self._given_up = given_up
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="blocks")
        self._open_blocks: OrderedDict[Key, Future[tuple[Block, int]]] = OrderedDict()
        self._others: OrderedDict[Key, Future[tuple[Block, int]]] = OrderedDict()
        self._expiries: dict[Key, int] = {}
        self._lock = threading.Lock()

    def want(self, rows: Rows) -> list[Key]:
        """Have the blocks of `rows` fetched, in their order; return those that were not open."""
        names = rows.sources.astype(np.int64) << 32 | rows.blocks
        kinds, first_rows, of_row = np.unique(names, return_index=True, return_inverse=True)
        expiries = np.zeros(len(kinds), dtype=np.int64)
        np.maximum.at(expiries, of_row, rows.expiries)
        new: list[Key] = []
        with self._lock:
            for place in np.argsort(first_rows).tolist():
                name, expiry = int(kinds[place]), int(expiries[place])
                key = (name >> 32, name & 0xFFFFFFFF)
                if key not in self._open_blocks or _failed(self._open_blocks[key]):
                    self._open_blocks[key] = self._pool.submit(self._open, *key)
                    new.append(key)
                self._expiries[key] = max(expiry, self._expiries.get(key, 0))
        return new

    def get(self, source: int, block: int) -> Block:
        """Return an open block, or open it. Raises what opening it raised."""
        key = (source, block)
        with self._lock:
            found = self._open_blocks.get(key)
            if found is None:  # replaces rows of a block without usable samples: many, so that it is kept for a while
                found = self._others.get(key)
                if found is None or _failed(found):
                    found = self._others[key] = self._pool.submit(self._open, *key)
                    while len(self._others) > MAX_OTHERS:
                        other, _ = self._others.popitem(last=False)
                        if other not in self._open_blocks:
                            self._given_up(*other)
        return found.result()[0]

    def give_up(self, places: list[int]) -> None:
        """Give up the blocks that no row needs once each source has given so many `places`."""
        with self._lock:
            done = [key for key, expiry in self._expiries.items() if expiry <= places[key[0]]]
            for key in done:
                del self._expiries[key]
                del self._open_blocks[key]
        for key in done:
            self._given_up(*key)

    def __len__(self) -> int:
        return len(self._open_blocks)

    def close(self) -> None:
        """End the threads; what is being fetched is waited for."""
        self._pool.shutdown(cancel_futures=True)
        self._open_blocks.clear()
        self._others.clear()


def _failed(found: Future[tuple[Block, int]]) -> bool:
    return found.cancelled() or (found.done() and found.exception() is not None)
