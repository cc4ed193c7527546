"""Words and spellings by how often they were seen: counts and texts in, row numbers out; of equals the first text.

Texts are compared as UTF-8, eight bytes at once where those differ.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow_types import buffers_of
from schemas.kernels.compiled import kernel

_Int64s = npt.NDArray[np.int64]


def order_by_count(counts: _Int64s, texts: pa.LargeStringArray) -> _Int64s:
    """Return the rows by count descending, then by text in the order of its UTF-8."""
    offsets, data = string_buffers(texts)
    heads = string_heads(offsets, data)
    order = np.lexsort((heads, -counts))
    ordered_heads, ordered_counts = heads[order], counts[order]
    tied = (ordered_heads[1:] == ordered_heads[:-1]) & (ordered_counts[1:] == ordered_counts[:-1])
    starts = np.flatnonzero(np.append(False, tied) < np.append(tied, False))  # of each run of ties
    ends = np.flatnonzero(np.append(False, tied) > np.append(tied, False)) + 1
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        rows = order[start:end].tolist()
        order[start:end] = sorted(rows, key=lambda row: data[offsets[row] : offsets[row + 1]].tobytes())
    return order


def string_buffers(strings: pa.LargeStringArray) -> tuple[_Int64s, npt.NDArray[np.uint8]]:
    _, offsets, data = buffers_of(strings)
    bounds = (
        np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1] if len(strings) else [0]
    )
    return np.asarray(bounds, np.int64), np.frombuffer(data or b"", np.uint8)


@kernel
def string_heads(offsets, data):
    """Return the first 8 bytes of each string as a number that orders as they do."""
    heads = np.zeros(len(offsets) - 1, np.uint64)
    for row in range(len(heads)):
        head = np.uint64(0)
        for k in range(8):
            place = offsets[row] + k
            byte = data[place] if place < offsets[row + 1] else np.uint8(0)
            head = (head << np.uint64(8)) | np.uint64(byte)
        heads[row] = head
    return heads


@kernel
def _is_before(a, b, offsets, data):
    size_a = offsets[a + 1] - offsets[a]
    size_b = offsets[b + 1] - offsets[b]
    for k in range(min(size_a, size_b)):
        left, right = data[offsets[a] + k], data[offsets[b] + k]
        if left != right:
            return left < right
    return size_a < size_b


@kernel
def best_spellings(counts, starts, offsets, data):
    """Return the row of the most frequent spelling of each word, of equals the first in the order of UTF-8."""
    best = np.empty(len(starts), np.int64)
    for word in range(len(starts)):
        end = starts[word + 1] if word + 1 < len(starts) else len(counts)
        chosen = starts[word]
        for row in range(starts[word] + 1, end):
            if counts[row] > counts[chosen] or (
                counts[row] == counts[chosen] and _is_before(row, chosen, offsets, data)
            ):
                chosen = row
        best[word] = chosen
    return best
