"""The scan: codes and queries in, the k rows of each query with the largest cosines out, exactly.

A row's cosine lies within a bound that its codes tell. Where the bound can beat the k-th best so far, the cosine is
computed, in float64 from the row as it is stored:

    codes . query  (int32)  ->  upper bound > k-th best?  ->  cosine (float64)  ->  among the k best
         all rows                    all rows                  some hundred rows

So what is found depends on no bound, block or thread: the k largest float64 cosines, of equal ones the lower row.

Shapes: N rows, Q queries, E embedding, k found.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from schemas.kernels.compiled import leaf, unlocked
from trainer.search.codes import SLACK, Codes, QueryCodes

BLOCK_ROWS = 2_048
"""1 MiB of codes at 512: they stay in a core's cache while all queries pass."""
WIDE_QUERIES = 8
"""From so many on torch's product of 8-bit matrices is the faster one (AMX and VNNI where there are)."""
MAX_QUERIES = 64
"""At a time: the int32 products of a block are 512 KiB."""

HALVES_TABLE = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
"""Each float16, by its bits."""


@dataclass(frozen=True)
class Rows:
    """Rows as they are stored: either of both, the other has no rows."""

    halves_NE: npt.NDArray[np.uint16]
    """Bits of float16."""
    floats_NE: npt.NDArray[np.float32]

    @classmethod
    def of(cls, rows_NE: npt.NDArray[np.floating]) -> "Rows":
        """Return rows of float16 or float32, without a copy."""
        if rows_NE.dtype == np.float16:
            return cls(rows_NE.view(np.uint16), np.empty((0, rows_NE.shape[1]), dtype=np.float32))
        return cls(np.empty((0, rows_NE.shape[1]), dtype=np.uint16), rows_NE)


@dataclass(frozen=True)
class Best:
    """The best rows of each query so far, best first; a place without a row has -1 and -inf."""

    rows_Qk: npt.NDArray[np.int64]
    scores_Qk: npt.NDArray[np.float64]

    @classmethod
    def none(cls, num_queries: int, k: int) -> "Best":
        return cls(np.full((num_queries, k), -1, dtype=np.int64), np.full((num_queries, k), -np.inf))


def scan(codes: Codes, rows: Rows, queries: QueryCodes, k: int, start: int, stop: int) -> Best:
    """Return the best of rows `start` .. `stop` - 1; Python's lock is free meanwhile.

    Memory: `BLOCK_ROWS` products in int32 of `MAX_QUERIES` queries, and the result.
    """
    best = Best.none(len(queries.queries_QE), k)
    wide = torch.from_numpy(queries.codes_QE) if queries.codes_QE.dtype == np.int8 else None
    products = np.empty((len(queries.queries_QE), BLOCK_ROWS), dtype=np.int32)
    for first in range(start, stop, BLOCK_ROWS):
        own = slice(first, min(first + BLOCK_ROWS, stop))
        if wide is not None:
            products = torch._int_mm(wide, torch.from_numpy(codes.codes_NE[own]).T).numpy()
        else:
            multiply(codes.codes_NE[own], queries.codes_QE, products)
        offer(
            products, codes.scales_N[own], codes.left_out_N[own], first, rows.halves_NE, rows.floats_NE, HALVES_TABLE,
            queries.queries_QE, queries.scales_Q, queries.left_out_Q, best.rows_Qk, best.scores_Qk,
        )  # fmt: skip
    return best


def merge(parts: list[Best]) -> Best:
    """Return the best of several scans over different rows."""
    rows_QP = np.concatenate([part.rows_Qk for part in parts], axis=1)
    scores_QP = np.concatenate([part.scores_Qk for part in parts], axis=1)
    order_Qk = np.lexsort((rows_QP, -scores_QP))[:, : parts[0].rows_Qk.shape[1]]
    return Best(np.take_along_axis(rows_QP, order_Qk, axis=1), np.take_along_axis(scores_QP, order_Qk, axis=1))


@unlocked
def multiply(codes, queries, products):
    """Fill `products` with codes times queries: no sum leaves int32 (`encode_queries`)."""
    for query in range(len(queries)):
        for row in range(len(codes)):
            products[query, row] = _dot(codes[row], queries[query])


@leaf
def _dot(codes, query):
    total = np.int32(0)
    for i in range(len(codes)):
        total = np.int32(total + np.int32(codes[i]) * np.int32(query[i]))
    return total


@unlocked
def offer(
    products, scales, left_out, first, halves, floats, table, queries, query_scales, query_left_out, best_rows,
    best_scores,
):  # fmt: skip
    """Take those of a block's rows, the first of which is row `first`, that are among the best."""
    k = best_rows.shape[1]
    for query in range(len(queries)):
        worst = best_scores[query, k - 1]
        out = query_left_out[query]
        for place in range(len(scales)):
            error = np.float64(left_out[place])
            near = np.float64(scales[place]) * query_scales[query] * products[query, place]
            if near + error + (1.0 + error) * out + SLACK <= worst:
                continue
            row = first + place
            score = _cosine(halves, floats, table, row, queries[query])
            if score > worst:
                _insert(best_rows[query], best_scores[query], row, score)
                worst = best_scores[query, k - 1]


@leaf
def _cosine(halves, floats, table, row, query):
    """Return the cosine of a stored row and a query of length one; 0 for a row of zeros."""
    total, square = 0.0, 0.0
    for i in range(len(query)):
        value = np.float64(table[halves[row, i]]) if len(halves) else np.float64(floats[row, i])
        total += value * query[i]
        square += value * value
    return total / np.sqrt(square) if square > 0.0 else 0.0


@leaf
def _insert(rows, scores, row, score):
    """Put a row in its place, after those that are as good; the last one goes."""
    place = len(rows) - 1
    while place > 0 and scores[place - 1] < score:
        rows[place], scores[place] = rows[place - 1], scores[place - 1]
        place -= 1
    rows[place], scores[place] = row, score
