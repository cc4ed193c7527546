"""Order of rows by query or image, then rank, then id; ids are compared only where all else is equal. Pure."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.buffers import one_chunk, sortable_ids
from schemas.kernels.compiled import unlocked


@unlocked
def _by_group(order, groups, num_groups):
    places = np.zeros(num_groups + 1, dtype=np.int64)
    for row in order:
        places[groups[row] + 1] += 1
    for group in range(num_groups):
        places[group + 1] += places[group]
    grouped = np.empty_like(order)
    for row in order:
        grouped[places[groups[row]]] = row
        places[groups[row]] += 1
    return grouped


def grouped_rows(groups: npt.NDArray[np.integer], order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return `order` sorted by group (small numbers from 0), rows of a group in the order they had: a counting sort."""
    if len(order) == 0:
        return order
    rows: npt.NDArray[np.int64] = _by_group(order, groups, int(groups.max()) + 1)
    return rows


def rows_by_rank(
    groups: npt.NDArray[np.integer], ranks: npt.NDArray[np.uint64], ids: pa.ChunkedArray | pa.Array
) -> npt.NDArray[np.int64]:
    """Return the rows ordered by (group, rank, bytes of the id). Hardly ever are two ranks of a group equal."""
    order = grouped_rows(groups, np.argsort(ranks))
    return _with_ties_ordered(order, (groups, ranks), (), ids)


def rows_by_image(
    images: npt.NDArray[np.uint64], ranks: npt.NDArray[np.uint64], ids: pa.ChunkedArray | pa.Array
) -> npt.NDArray[np.int64]:
    """Return the rows ordered by (image, rank, bytes of the id); `images` are the ids' (high, low) words."""
    return _with_ties_ordered(np.argsort(images[:, 0]), (images[:, 0],), (images[:, 1], ranks), ids)


def _with_ties_ordered(
    order: npt.NDArray[np.int64],
    keys: tuple[npt.NDArray[np.generic], ...],
    more_keys: tuple[npt.NDArray[np.generic], ...],
    ids: pa.ChunkedArray | pa.Array,
) -> npt.NDArray[np.int64]:
    """Return `order`, which is by `keys`, with rows of equal keys ordered by `more_keys`, then by ids."""
    equal = np.ones(max(0, len(order) - 1), dtype=np.bool_)
    for key in keys:
        found = key[order]
        equal &= found[1:] == found[:-1]
    if not equal.any():
        return order
    tied = np.flatnonzero(np.r_[equal, False] | np.r_[False, equal])  # places whose row ties with a neighbour's
    rows = order[tied]
    words = sortable_ids(one_chunk(ids).take(pa.array(rows)))
    order[tied] = rows[np.lexsort((words[:, 1], words[:, 0], *(key[rows] for key in reversed((*keys, *more_keys)))))]
    return order
