"""k-means on the sphere: a sample of features in, centroids out; rows in, the nearest few centroids of each out.

The same on every machine: what is near a tie is decided by exact cosines (`pipeline.similarity.cosine`), means of
float16 numbers are exact in float64. Shapes: N rows, S of a sample, K clusters, E embedding, C clusters a row.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipeline.similarity.cosine import Features, Ints, cosines, features, margin

CLUSTERS_A_ROW = 2
"""Near-duplicates on two sides of a border between clusters meet in the second nearest of one of them."""

MIN_CLUSTER_ROWS = 512
"""So few rows a cluster cost less than the way there."""

ROUNDS = 8
"""Of k-means (SemDeDup, arXiv 2303.09540, takes 100; duplicates ask for little: they fall side by side in any)."""

SAMPLE_PER_CLUSTER, LEAST_PER_CLUSTER, MAX_SAMPLE = 32, 4, 131_072

TILE_BYTES = 32 << 20


def num_clusters(rows: int) -> int:
    """Return K for so many rows: both steps, rows x clusters and pairs in clusters, then cost as rows to the 1.5."""
    return max(1, min(math.isqrt(2 * rows), rows // MIN_CLUSTER_ROWS))


def sample_rows(rows: int, clusters: int) -> Ints:
    """Return the rows, evenly spread and ascending, that centroids are made from."""
    wanted = max(LEAST_PER_CLUSTER * clusters, min(SAMPLE_PER_CLUSTER * clusters, MAX_SAMPLE))
    size = min(rows, wanted)
    return np.arange(size) * rows // max(1, size)


def centroids(sample_SE: npt.NDArray[np.float16], clusters: int) -> npt.NDArray[np.float16]:
    """Return centroids ``[K, E]`` of length one, no more than the sample. Memory: 10 bytes a number of it."""
    sample = features(sample_SE)
    first_K = np.arange(min(clusters, len(sample))) * len(sample) // max(1, min(clusters, len(sample)))
    found_KE = sample_SE[first_K]
    for _ in range(ROUNDS if len(found_KE) > 1 else 0):
        cluster_S = nearest(sample, features(found_KE), 1)[:, 0]
        found_KE = _means(sample_SE, cluster_S, found_KE)
    return found_KE


def _means(
    sample_SE: npt.NDArray[np.float16], cluster_S: Ints, before_KE: npt.NDArray[np.float16]
) -> npt.NDArray[np.float16]:
    """Return the mean of each cluster, of length one; one without rows stays where it was."""
    order = np.argsort(cluster_S, kind="stable")
    sizes_K = np.bincount(cluster_S, minlength=len(before_KE))
    ends_K = np.cumsum(sizes_K)
    found_KE = before_KE.copy()
    for cluster in np.flatnonzero(sizes_K):
        rows = order[ends_K[cluster] - sizes_K[cluster] : ends_K[cluster]]
        sum_E = sample_SE[rows].sum(axis=0, dtype=np.float64)
        length = math.sqrt(math.fsum((sum_E * sum_E).tolist()))
        if length:
            found_KE[cluster] = sum_E / length
    return found_KE


def nearest(rows: Features, centres: Features, count: int) -> Ints:
    """Return the `count` clusters ``[N, C]`` of the highest cosine of each row, ascending; of equal ones the lower."""
    count = min(count, len(centres))
    found_NC = np.empty((len(rows), count), dtype=np.int64)
    for begin, end in _tiles(len(rows), 4 * len(centres)):
        products_TK = rows.unit_NE[begin:end] @ centres.unit_NE.T
        found_NC[begin:end] = _highest(products_TK, count)
        if count < len(centres):
            _settle(found_NC, begin, products_TK, rows, centres)
    return np.sort(found_NC, axis=1)


def _tiles(rows: int, row_bytes: int) -> Iterator[tuple[int, int]]:
    step = max(16, TILE_BYTES // max(1, row_bytes))
    for begin in range(0, rows, step):
        yield begin, min(rows, begin + step)


def _highest(products_TK: npt.NDArray[np.float32], count: int) -> Ints:
    if count == products_TK.shape[1]:
        return np.broadcast_to(np.arange(count), products_TK.shape).astype(np.int64)
    if count == 1:
        return products_TK.argmax(axis=1)[:, None]
    return np.argpartition(products_TK, -count, axis=1)[:, -count:]


def _settle(
    found_NC: Ints, begin: int, products_TK: npt.NDArray[np.float32], rows: Features, centres: Features
) -> None:
    """Choose anew, by exact cosines, for the rows whose last chosen cluster is about as near as one not chosen."""
    chosen_TC = found_NC[begin : begin + len(products_TK)]
    last_T = np.take_along_axis(products_TK, chosen_TC, axis=1).min(axis=1)
    near_TK = products_TK >= (last_T - 2 * margin(rows.half_NE.shape[1]))[:, None]
    for row in np.flatnonzero(near_TK.sum(axis=1) > chosen_TC.shape[1]):
        candidates = np.flatnonzero(near_TK[row])
        exact = cosines(rows, np.full(len(candidates), begin + row), centres, candidates)
        chosen_TC[row] = candidates[np.lexsort((candidates, -exact))][: chosen_TC.shape[1]]
