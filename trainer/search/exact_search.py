"""Exact search in arrays of this machine, mapped or in memory, by several threads.

Shapes: N rows, Q queries, E embedding, k found.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch

from trainer.search.codes import Codes, encode_queries
from trainer.search.scan import MAX_QUERIES, WIDE_QUERIES, Best, Rows, merge, scan

MIN_ROWS = 16_384
"""A thread is worth while from so many rows on."""


class ExactSearch:
    """The rows and their codes; several threads may search at once."""

    def __init__(self, rows_NE: npt.NDArray[np.floating], codes: Codes) -> None:
        """`rows_NE` are float16 or float32."""
        self._rows, self._codes = Rows.of(rows_NE), codes
        self.width = rows_NE.shape[1]

    def __len__(self) -> int:
        return len(self._codes)

    def search(self, queries_QE: npt.NDArray[np.floating], k: int, threads: int) -> Best:
        """Return the k rows with the largest cosines, best first, of equal ones the lower row first; fewer if N < k.

        The same for any number of threads, and for queries alone or together. Raises ValueError for queries of another
        width, of zeros, or that are not finite.
        """
        if queries_QE.ndim != 2 or queries_QE.shape[1] != self.width:
            raise ValueError(f"expected queries of {self.width} numbers, found {list(queries_QE.shape)}")
        k = min(k, len(self))
        if not k or not len(queries_QE):
            return Best.none(len(queries_QE), k)
        parts = [
            self._search(queries_QE[start : start + MAX_QUERIES], k, threads)
            for start in range(0, len(queries_QE), MAX_QUERIES)
        ]
        return Best(np.concatenate([p.rows_Qk for p in parts]), np.concatenate([p.scores_Qk for p in parts]))

    def _search(self, queries_QE: npt.NDArray[np.floating], k: int, threads: int) -> Best:
        queries = encode_queries(queries_QE, is_wide=len(queries_QE) >= WIDE_QUERIES)
        threads = max(1, min(threads, len(self) // MIN_ROWS))
        bounds = [len(self) * number // threads for number in range(threads + 1)]
        with _torch_alone(), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            found = pool.map(
                lambda n: scan(self._codes, self._rows, queries, k, bounds[n], bounds[n + 1]), range(threads)
            )
            return merge(list(found))


@contextmanager
def _torch_alone() -> Iterator[None]:
    """Leave torch its number of threads: within the pool it has one a thread, and no barrier."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
