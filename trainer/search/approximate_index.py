"""Approximate search by usearch's HNSW graph; what it finds is scored exactly.

Shapes: N rows, Q queries, E embedding, k found.
"""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.storage import FileRecord, Folder
from trainer.search.codes import encode_queries
from trainer.search.scan import Best

GRAPH = "graph.usearch"
ADDED_ROWS = 65_536
"""At a time."""
CANDIDATES = 4
"""So many times k are taken from the graph and scored again from the stored features."""
_TEMPORARY = ".tmp-graph"


def _usearch() -> Any:
    try:
        import usearch.index
    except ImportError:
        raise ValueError(
            "an approximate index needs usearch, which is not installed: pip install 'webimagetext[search]'"
        ) from None
    return usearch.index


def write_graph(folder: Folder, features_NE: npt.NDArray[np.floating], threads: int) -> FileRecord:
    """Write the graph of mapped features; it is in memory while it is made, about N x (2 E + 200) bytes."""
    graph = _usearch().Index(ndim=features_NE.shape[1], metric="cos", dtype="f16")
    for start in range(0, len(features_NE), ADDED_ROWS):
        part = np.asarray(features_NE[start : start + ADDED_ROWS])
        graph.add(np.arange(start, start + len(part), dtype=np.uint64), part, threads=threads)
    temporary = folder.path(_TEMPORARY)
    graph.save(temporary)
    try:
        with open(temporary, "rb") as made, folder.writing(GRAPH) as sink:
            while block := made.read(1 << 20):
                sink.write(block)
    finally:
        os.unlink(temporary)
    return FileRecord(GRAPH, len(features_NE), sink.bytes, sink.sha256)


class ApproximateSearch:
    """The graph, mapped, and the features."""

    def __init__(self, features_NE: npt.NDArray[np.floating], graph_path: str) -> None:
        """Raise ValueError for a graph of other features."""
        self._features = features_NE
        self._graph = _usearch().Index(ndim=features_NE.shape[1], metric="cos", dtype="f16")
        self._graph.view(graph_path)
        if len(self._graph) != len(features_NE):
            raise ValueError(
                f"{graph_path}: expected {len(features_NE)} vectors, found {len(self._graph)}; build the index again"
            )

    def __len__(self) -> int:
        return len(self._features)

    def search(self, queries_QE: npt.NDArray[np.floating], k: int, threads: int) -> Best:
        """Return about the k rows with the largest cosines, which are exact, in the order of `ExactSearch`."""
        k = min(k, len(self))
        queries = encode_queries(queries_QE, is_wide=True).queries_QE
        wanted = min(len(self), CANDIDATES * k)
        found = self._graph.search(queries.astype(np.float32), wanted, threads=threads)
        best = Best.none(len(queries), k)
        for number, keys in enumerate(np.atleast_2d(np.asarray(found.keys, dtype=np.int64))):
            rows = np.unique(keys[(keys >= 0) & (keys < len(self))])
            values = np.asarray(self._features[rows], dtype=np.float64)
            lengths = np.sqrt((values * values).sum(axis=1))
            scores = values @ queries[number] / np.where(lengths > 0, lengths, 1)
            order = np.lexsort((rows, -scores))[:k]
            best.rows_Qk[number, : len(order)], best.scores_Qk[number, : len(order)] = rows[order], scores[order]
        return best
