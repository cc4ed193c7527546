"""File types: pairs in, which URLs have an allowed suffix, or none that is denied, out.

The suffix is what follows the last dot of the last segment of the path, lower-cased, if it is 1 to 5 letters or
digits; otherwise the type is ``none``. Images without a URL, which are here already, are kept.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.buffers import string_buffers
from schemas.kernels.compiled import kernel

MAX_SUFFIX = 5


@kernel
def _has_type(data, offsets, allowed, denied, keep):
    """Compare suffixes as numbers, a byte per character; no suffix is 0."""
    for row in range(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        stop = begin
        slashes = 0
        dot = -1
        while stop < end and data[stop] != 63 and data[stop] != 35:
            if data[stop] == 47:
                slashes += 1
                dot = -1
            elif data[stop] == 46 and slashes > 2:  # not a dot of the host
                dot = stop
            stop += 1
        packed = np.uint64(0)
        if dot >= 0 and 1 <= stop - dot - 1 <= MAX_SUFFIX:
            for i in range(dot + 1, stop):
                byte = data[i]
                if 65 <= byte <= 90:
                    byte |= np.uint8(32)
                if not (97 <= byte <= 122 or 48 <= byte <= 57):
                    packed = np.uint64(0)
                    break
                packed = packed << np.uint64(8) | np.uint64(byte)
        wanted = len(allowed) == 0
        for kind in allowed:
            wanted = wanted or kind == packed
        for kind in denied:
            wanted = wanted and kind != packed
        keep[row] = wanted or begin == end


def has_file_type(pairs: pa.Table, allowed: tuple[str, ...], denied: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Tell of each pair whether its URL's type is in `allowed` (unless that is empty) and not in `denied`."""
    data, offsets = string_buffers(pairs["url"])
    keep = np.zeros(len(pairs), dtype=np.bool_)
    _has_type(data, offsets, _packed(allowed), _packed(denied), keep)
    return keep


def _packed(types: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    numbers = [0 if name == "none" else int.from_bytes(name.encode(), "big") for name in types]
    return np.array(numbers, dtype=np.uint64)
