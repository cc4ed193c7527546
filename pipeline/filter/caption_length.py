"""Caption length: pairs in, which captions have a number of characters and words in the given range out.

Characters are code points. Words are what white space separates; a stored caption has single spaces only.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.buffers import string_buffers
from schemas.kernels.compiled import kernel


@kernel
def _within(data, offsets, low, high, words, keep):
    for row in range(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        count = 0
        if words:
            for i in range(begin, end):
                count += data[i] == 32
            count += end > begin
        else:
            for i in range(begin, end):
                count += (data[i] & 0xC0) != 0x80
        keep[row] = low <= count and (high == 0 or count <= high)


def characters_within(pairs: pa.Table, low: int, high: int) -> npt.NDArray[np.bool_]:
    """Tell of each pair whether its caption has `low` to `high` characters; a `high` of 0 is no limit."""
    return _keep(pairs, low, high, False)


def words_within(pairs: pa.Table, low: int, high: int) -> npt.NDArray[np.bool_]:
    """Tell of each pair whether its caption has `low` to `high` words; a `high` of 0 is no limit."""
    return _keep(pairs, low, high, True)


def _keep(pairs: pa.Table, low: int, high: int, words: bool) -> npt.NDArray[np.bool_]:
    data, offsets = string_buffers(pairs["caption"])
    keep = np.empty(len(pairs), dtype=np.bool_)
    _within(data, offsets, low, high, words, keep)
    return keep
