"""Which rows of the inputs become samples of the output, in what order; pure.

Rows are numbered over all tables of all inputs, in their order: their ordinals.

    ids [rows, 2], kind of each row  ->  samples: ordinals in the order of the output
                                         failures: ordinals, ascending; repeated: counts
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SAMPLE, REMOVED, FAILED = 0, 1, 2
"""Kinds of rows: an image in a tar; one that removals.parquet names; one that did not come."""

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Order:
    """The rows of the output."""

    samples: Int64s
    """Ordinals, in the order of the output."""
    failures: Int64s
    """Ordinals of what failed or was removed, ascending."""
    repeated_samples: int
    repeated_failures: int
    """Rows of images that another row stands for."""
    by_id: Int64s
    """The first row of each image, by ascending id."""


def order_rows(ids: UInt64s, kinds: npt.NDArray[np.uint8], ranks: UInt64s | None) -> Order:
    """Return the rows to keep: of each image one, a sample before what is none, then the first.

    `ids` as `schemas.buffers.sortable_ids`; `ranks` order the samples, None: they stay in order. Memory: 16 bytes a row
    for the ids and as many again while they are sorted.
    """
    by_id = np.lexsort((kinds, ids[:, 1], ids[:, 0])).astype(np.int64)  # stable: rows of one image stay in order
    is_first = np.ones(len(by_id), dtype=np.bool_)
    is_first[1:] = (ids[by_id[1:]] != ids[by_id[:-1]]).any(axis=1)
    repeated = kinds[by_id[~is_first]]
    by_id = by_id[is_first]
    kept = np.sort(by_id)
    samples, failures = kept[kinds[kept] == SAMPLE], kept[kinds[kept] != SAMPLE]
    if ranks is not None:
        samples = samples[np.argsort(ranks[samples], kind="stable")]
    num_samples = int((repeated == SAMPLE).sum())
    return Order(samples, failures, num_samples, len(repeated) - num_samples, by_id)


def positions_of(found: Order, ids: UInt64s, kinds: npt.NDArray[np.uint8], wanted: UInt64s) -> Int64s:
    """Return the place in the output of the sample of each wanted id, -1 where the output has no such sample."""
    places = np.full(len(ids), -1, dtype=np.int64)
    places[found.samples] = np.arange(len(found.samples))
    if not len(found.by_id) or not len(wanted):
        return np.full(len(wanted), -1, dtype=np.int64)
    held = np.ascontiguousarray(ids[found.by_id].astype(">u8")).view("S16").ravel()
    asked = np.ascontiguousarray(wanted.astype(">u8")).view("S16").ravel()
    at = np.minimum(np.searchsorted(held, asked), len(held) - 1)
    rows = found.by_id[at]
    is_there = (ids[rows] == wanted).all(axis=1) & (kinds[rows] == SAMPLE)
    return np.where(is_there, places[rows], -1)
