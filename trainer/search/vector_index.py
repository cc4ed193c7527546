"""What is asked of an index, whichever kind it is: `open_index` in, rows with their cosines out.

Shapes: Q queries, E embedding, k found.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from trainer.search.approximate_index import GRAPH, ApproximateSearch
from trainer.search.codes import Codes
from trainer.search.exact_search import ExactSearch
from trainer.search.index_files import CODES, EXACT, FEATURES, LEFT_OUT, SCALES, IndexFiles
from trainer.search.scan import Best


class VectorSearch(Protocol):
    """Finds rows: `ExactSearch`, `ApproximateSearch`."""

    def __len__(self) -> int: ...

    def search(self, queries_QE: npt.NDArray[np.floating], k: int, threads: int) -> Best: ...


class Found(NamedTuple):
    """A row that was found."""

    row: int
    score: float
    """Cosine with the query."""
    id: str
    caption: str | None
    query: str | None
    """The first that its sample was collected for, where the shards told it."""


class VectorIndex:
    """An index of features of one model."""

    def __init__(self, files: IndexFiles) -> None:
        self.files = files
        self._features = features = files.array(FEATURES, (np.float16, np.float32), files.width)
        self._search: VectorSearch
        if files.kind == EXACT:
            codes = Codes(
                files.array(CODES, (np.int8,), files.width), files.array(SCALES, (np.float32,), None),
                files.array(LEFT_OUT, (np.float32,), None),
            )  # fmt: skip
            self._search = ExactSearch(features, codes)
        else:
            self._search = ApproximateSearch(features, files.folder.path(GRAPH))

    def __len__(self) -> int:
        return len(self._search)

    def check_model(self, fingerprint: str) -> None:
        """Raise ValueError when the index is of features of another model."""
        if fingerprint != self.files.model:
            raise ValueError(
                f"--index: {self.files.folder.url} is of features of another model ({self.files.model[:12]}..., "
                f"--checkpoint is {fingerprint[:12]}...): their cosines mean nothing; embed and build the index "
                "with this one"
            )

    def search(self, queries_QE: npt.NDArray[np.floating], k: int, threads: int = 1) -> list[list[Found]]:
        """Return the k nearest of each query, best first. Raises ValueError for queries of another width."""
        best = self._search.search(queries_QE, k, threads)
        return [self._told(rows, scores) for rows, scores in zip(best.rows_Qk, best.scores_Qk, strict=True)]

    def feature(self, row: int) -> npt.NDArray[np.float32]:
        """Return ``[E]``: what a row is found by."""
        return np.array(self._features[row], dtype=np.float32)

    def image_place(self, row: int) -> dict[str, Any]:
        """Return id, tar, image_offset and image_bytes of a row."""
        return self.files.told([row])[0]

    def _told(self, rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> list[Found]:
        found = [(int(row), float(score)) for row, score in zip(rows, scores, strict=True) if row >= 0]
        told = self.files.told([row for row, _ in found])
        return [
            Found(row, score, one["id"], one["caption"], one["query"])
            for (row, score), one in zip(found, told, strict=True)
        ]


def open_index(path: str) -> VectorIndex:
    """Return a finished index. Raises FileNotFoundError or ValueError for what is none, or is damaged."""
    return VectorIndex(IndexFiles(path))
