"""A published subset of a table: a list of uids in (DataComp's npy, or hexadecimal text), rows in or out, out.

::

    uid  0123456789abcdeffedcba9876543210   32 hexadecimal digits, 128 bits
         f0 (high)       f1 (low)           a row of the npy: dtype u8,u8

Memory: 16 bytes per uid. A sorted npy on a local disk (the published ones are sorted) is mapped, so the processes of
a machine share one copy; an unsorted list is sorted when it is loaded (at its peak, 56 bytes per uid).
"""

import codecs

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from fsspec.core import url_to_fs

from pipeline.sources.files.byte_ranges import is_compressed, name_of, read_blocks
from pipeline.sources.source import BROKEN_DATA, first_line
from schemas.arrow_types import decoded
from schemas.buffers import one_chunk, string_buffers
from schemas.kernels.compiled import kernel, spliced, unlocked

UID_DIGITS = 32
_BUCKET_BITS = 16
_TEXT_END = b"\n"


class UidSet:
    """A set of 128-bit uids, looked up by bisection within the uids of equal first 16 bits."""

    def __init__(self, words: npt.NDArray[np.uint64]) -> None:
        """Take ``words`` of shape ``[uids, 2]``: high and low half, in any order."""
        self._words = words if _is_sorted(words) else _sorted(words)
        high = np.ascontiguousarray(np.arange(1 << _BUCKET_BITS, dtype=np.uint64) << np.uint64(64 - _BUCKET_BITS))
        self._buckets = np.append(_lower_bounds(self._words, high), len(self._words))

    def __len__(self) -> int:
        return len(self._words)

    def contains(self, uids: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
        """Tell which of `uids` (text of 32 hexadecimal digits, or 16 bytes each) are in the set; others are not."""
        column = one_chunk(uids)
        if pa.types.is_dictionary(column.type):
            column = decoded(column)
        if pa.types.is_fixed_size_binary(column.type):
            column = column.cast(pa.binary())
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
                or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):  # fmt: skip
            raise ValueError(f"a column of uids is text or 16 bytes, found {column.type}")
        data, offsets = string_buffers(column)
        found = np.zeros(len(column), dtype=bool)
        _contains(self._words, self._buckets, data, offsets, found)
        return found


def load_uids(path: str) -> UidSet:
    """Load the uids of a file, local or by URL: ``.npy`` in DataComp's layout, else a uid per line of text.

    Raises FileNotFoundError, and ValueError that names the file and what in it is wrong.
    """
    fs, name = url_to_fs(path)
    if not fs.exists(name):
        raise FileNotFoundError(f"--uids {path}: no such file")
    if not name_of(path).lower().endswith(".npy"):
        try:
            return UidSet(_from_text(path))
        except BROKEN_DATA as error:
            said = f"{type(error).__name__}: {first_line(error)}"
            raise ValueError(f"--uids {path}: cannot be read whole, {said}; fetch it again") from error
    local = "file" in ([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol)
    try:
        if local:
            found = np.load(name, mmap_mode="r")
        else:
            with fs.open(name, "rb") as raw:
                found = np.load(raw)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"--uids {path}: expected an npy file of dtype u8,u8, {error}") from error
    pairs = found.dtype.itemsize == 16 and found.dtype.names is not None and len(found.dtype.names) == 2
    if pairs and found.ndim == 1 and all(found.dtype[place] == np.uint64 for place in (0, 1)):
        return UidSet(np.asarray(found).view(np.uint64).reshape(-1, 2))
    if found.dtype == np.uint64 and found.ndim == 2 and found.shape[1] == 2:
        return UidSet(np.asarray(found))
    raise ValueError(f"--uids {path}: expected rows of dtype u8,u8 (f0, f1), found {found.dtype} {found.shape}")


def _from_text(path: str) -> npt.NDArray[np.uint64]:
    pieces = [np.zeros((0, 2), dtype=np.uint64)]
    rest, line = b"", 0
    blocks = read_blocks(path)
    block = next(blocks, b"").removeprefix(codecs.BOM_UTF8)
    while True:
        text = rest + block
        cut = text.rfind(_TEXT_END) + 1 if block else len(text)
        data = np.frombuffer(text, dtype=np.uint8)[:cut]
        words = np.empty((len(data) // UID_DIGITS + 1, 2), dtype=np.uint64)
        count, lines, wrong = _parse_lines(data, words)
        if wrong >= 0:
            found = text[wrong:cut].split(_TEXT_END)[0][:80].decode("utf-8", "replace")
            raise ValueError(f"--uids {path}: line {line + lines + 1}: expected {UID_DIGITS} hexadecimal digits, "
                             f"found {found!r}{' (compressed?)' if is_compressed(path) else ''}")  # fmt: skip
        pieces.append(words[:count].copy())
        rest, line = text[cut:], line + lines
        if not block:
            return np.concatenate(pieces)
        block = next(blocks, b"")


def _sorted(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(words[np.lexsort((words[:, 1], words[:, 0]))])


@kernel
def _is_sorted(words):
    for row in range(1, len(words)):
        before, here = words[row - 1], words[row]
        if before[0] > here[0] or (before[0] == here[0] and before[1] > here[1]):
            return False
    return True


@kernel
def _lower_bounds(words, keys):
    """Return, for each of the ascending `keys`, the first row whose high half is not below it."""
    found = np.empty(len(keys), dtype=np.int64)
    for place in range(len(keys)):
        low, high = found[place - 1] if place else 0, len(words)
        while low < high:
            middle = (low + high) // 2
            if words[middle, 0] < keys[place]:
                low = middle + 1
            else:
                high = middle
        found[place] = low
    return found


@spliced
def _digit(byte):
    if 48 <= byte <= 57:
        return byte - 48
    byte |= 32
    return byte - 87 if 97 <= byte <= 102 else 255


@spliced
def _parse(data, begin):
    """Return (high, low, whether all 32 digits are)."""
    words = (np.uint64(0), np.uint64(0))
    good = True
    high = np.uint64(0)
    low = np.uint64(0)
    for place in range(16):
        digit = _digit(data[begin + place])
        good &= digit != 255
        high = (high << np.uint64(4)) | np.uint64(digit & 15)
        digit = _digit(data[begin + 16 + place])
        good &= digit != 255
        low = (low << np.uint64(4)) | np.uint64(digit & 15)
    words = (high, low)
    return words[0], words[1], good


@kernel
def _parse_lines(data, words):
    """Return (uids, lines before the wrong one, begin of the wrong line or -1); blank lines are read over."""
    count = lines = i = 0
    while i < len(data):
        begin = i
        while i < len(data) and data[i] != 10:
            i += 1
        end = i
        while end > begin and (data[end - 1] == 13 or data[end - 1] == 32):
            end -= 1
        if end > begin:
            if end - begin != 32:
                return count, lines, begin
            high, low, good = _parse(data, begin)
            if not good:
                return count, lines, begin
            words[count, 0] = high
            words[count, 1] = low
            count += 1
        lines += 1
        i += 1
    return count, lines, -1


@unlocked
def _contains(words, buckets, data, offsets, found):
    for row in range(len(found)):
        begin = offsets[row]
        size = offsets[row + 1] - begin
        if size == 32:
            high, low, good = _parse(data, begin)
            if not good:
                continue
        elif size == 16:
            high = np.uint64(0)
            low = np.uint64(0)
            for place in range(8):
                high = (high << np.uint64(8)) | np.uint64(data[begin + place])
                low = (low << np.uint64(8)) | np.uint64(data[begin + 8 + place])
        else:
            continue
        bucket = high >> np.uint64(48)
        first, last = buckets[bucket], buckets[bucket + np.uint64(1)]
        while first < last:
            middle = (first + last) // 2
            if words[middle, 0] < high or (words[middle, 0] == high and words[middle, 1] < low):
                first = middle + 1
            else:
                last = middle
        found[row] = first < len(words) and words[first, 0] == high and words[first, 1] == low
