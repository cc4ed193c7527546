"""Captions that are a file name: pairs in, which captions are none out.

A caption is taken for a file name when it is, as a whole, without regard to case,

- something that ends in the suffix of an image, video or PDF file (``cat.JPG``, ``Old Bridge.jpg``), or
- a camera's or program's counter (``DSC00012``, ``IMG_1234 (2)``, ``PXL_20240101_120000``, ``image 1``), or
- one word of 16 or more hex digits, dashes and underscores with a digit in it (a hash, a UUID).

A compiled look at the last bytes and the digits finds the few captions that the patterns are tried on.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import one_chunk, string_buffers
from schemas.image_files import IMAGE_SUFFIXES
from schemas.kernels.compiled import kernel

SUFFIXES = (
    *(suffix[1:] for suffix in IMAGE_SUFFIXES),
    "jp2", "jxl", "heic", "heif", "svg", "ico", "cr2", "nef", "dng", "psd", "eps", "pdf", "mp4", "mov", "avi", "webm",
)  # fmt: skip
COUNTERS = (
    "img", "imgp", "image", "imag", "imagem", "imagen", "dsc", "dscn", "dscf", "dscp", "cimg", "pict", "pic", "picture",
    "pxl", "photo", "foto", "bild", "mvi", "mov", "vid", "gopr", "sam", "sdc", "wp", "p", "scan", "screenshot",
    "screen shot", "untitled", "unnamed", "download", "file", "thumb", "thumbnail", "fullsizerender",
)  # fmt: skip

_PATTERN = (
    rf"(?i)^.*[^\s.]\.({'|'.join(SUFFIXES)})$|"
    rf"^({'|'.join(COUNTERS)})[-_ ]{{0,3}}[(]?[0-9][-_ ()0-9]*$|"
    r"^[0-9a-f_-]{16,}$"
)
_MAX_COUNTER_BYTES = 48
_MAX_SUFFIX = max(map(len, SUFFIXES))


@kernel
def _suspects(data, offsets, found):
    """Tell which captions may be a file name: a dot near the end, or a digit and no second space."""
    for row in range(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        suspect = False
        for i in range(max(begin, end - _MAX_SUFFIX - 1), end):
            suspect = suspect or data[i] == 46
        if not suspect and end > begin and data[end - 1] < 128:
            spaces = 0
            digit = False
            i = end - 1
            while i >= begin and (spaces == 0 or end - begin <= _MAX_COUNTER_BYTES):
                spaces += data[i] == 32
                digit = digit or 48 <= data[i] <= 57
                i -= 1
            suspect = digit and (spaces == 0 or end - begin <= _MAX_COUNTER_BYTES)
        found[row] = suspect


def is_no_file_name(pairs: pa.Table) -> npt.NDArray[np.bool_]:
    """Tell of each pair whether its caption is no file name."""
    captions = one_chunk(pairs["caption"])
    data, offsets = string_buffers(captions)
    found = np.zeros(len(captions), dtype=np.bool_)
    _suspects(data, offsets, found)
    rows = np.flatnonzero(found)
    texts = captions.take(pa.array(rows))
    named = pc.match_substring_regex(texts, _PATTERN)
    hexadecimal = pc.and_(pc.match_substring_regex(texts, "^[0-9A-Fa-f_-]*$"), pc.invert(_has_digit(texts)))
    found[rows] = pc.and_not(named, hexadecimal).to_numpy(zero_copy_only=False)
    return ~found


def _has_digit(texts: pa.Array) -> pa.Array:
    return pc.match_substring_regex(texts, "[0-9]")
