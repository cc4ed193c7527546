"""The headers of a tar, a member at a time: what a sample's image, caption and description are, and where.

In: an open tar, or a part of it that begins at a header. Out: a row for each key that has an image. Only what nearly
every writer writes is understood (ustar, GNU, and pax headers that hold times); at the first thing that is anything
else the kernel says so, and Python's tarfile reads the same bytes (`schemas/tar_contents.py`).

    |header 0001.jpg|image...|header 0001.json|...|header 0001.txt|...|header 0002.jpg|...|512 zeros ...
    ^ offset                                                         ^ offset of the next
                            |<------- a window: one read ------->|

Images are stepped over: of a sample of 30 KB one window is read. Mapped, the same headers cost three faults of 64 KB.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.image_files import IMAGE_SUFFIXES
from schemas.kernels.ascii import AT_SIGN, DELETE, DOT, NEWLINE, NINE, SLASH, SPACE, UNDERSCORE, ZERO, small_letter
from schemas.kernels.byte_scan import is_at
from schemas.kernels.compiled import leaf, unlocked
from schemas.kernels.file_bytes import read_at
from schemas.kernels.lanes import load_word
from schemas.tar_samples import FEW_ZEROS, MANY_ZEROS, MAX_MEMBERS_OF_SAMPLE

BLOCK = 512
NAME_BYTES, SIZE_AT, SIZE_BYTES, SUM_AT, SUM_BYTES, TYPE_AT, PREFIX_AT = 100, 124, 12, 148, 8, 156, 345

WINDOW_BYTES = 3072
"""That a walk reads at once: a description of 1 KB and a caption with the headers around them. Of samples of 32 KB 2.5
KB take 0.04 less of the CPU, 4 KB 0.1 more, 512 (a system call a header) and 16 KB (copying) twice as much."""

WHOLE, PART, ODD = 0, 1, 2
"""How a walk ended: at the zeros that end the last archive; at the end of the bytes, between two members; at what is
left to tarfile, or cannot be read."""

OFFSET, IMAGE_AT, IMAGE_BYTES, JSON_AT, JSON_BYTES, TEXT_AT, TEXT_BYTES, KEY_HASH, COLUMNS = range(9)
"""Columns of a sample. Offsets are from the first byte given; the size of what is not there is -1."""

_SEVEN = ord("7")
_REGULAR, _OLD_REGULAR, _FOLDER, _PAX = ord("0"), 0, ord("5"), ord("x")
_EVEN_BYTES, _LOW = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_FNV_START, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


def _suffix_word(suffix: str) -> int:
    return int.from_bytes(suffix.removeprefix(".").encode(), "little")


_IMAGES: npt.NDArray[np.uint64] = np.array([_suffix_word(suffix) for suffix in IMAGE_SUFFIXES], dtype=np.uint64)
_JSON, _TEXT = np.uint64(_suffix_word(".json")), np.uint64(_suffix_word(".txt"))


class Walk(NamedTuple):
    """What a walk found."""

    num_samples: int
    """Keys with an image of a size within bounds."""
    end: int
    """Where reading ended."""
    ended: int
    """`WHOLE`, `PART` or `ODD`."""
    without_image: int
    """Keys that have no image."""
    image_size: int
    """Keys whose image is empty or too large."""
    left_out_at: int
    """Offset of the first of those, -1 where there is none."""
    duplicate: int
    """Offset of the first header whose key has its suffix already, -1 where none has."""


@unlocked
def walk_headers(file, begin, size, max_image_bytes, samples, window):
    """Fill `samples` (int64 ``[any, COLUMNS]``, more rows than there can be samples); return a `Walk`.

    Read are `size` bytes from `begin` of the open file with descriptor `file` on, as many at a time as the uint8 array
    `window` has: `WINDOW_BYTES` or more.
    """
    position, extended, num_samples = 0, -1, 0
    first, shown = 0, 0  # what the window shows
    key = np.zeros(NAME_BYTES, dtype=np.uint8)
    without_image, image_size, left_out_at, duplicate = 0, 0, -1, -1
    key_size, best, has, members = -1, len(_IMAGES), 0, 0
    row = samples[0]
    while True:
        if position + BLOCK > size:
            ended = PART if 0 < position == size and extended < 0 else ODD
            break
        first, shown = _show(file, begin, size, window, first, shown, position, BLOCK)
        at = position - first
        if at + BLOCK > shown:
            ended = ODD
            break
        if _is_zero(window, at):
            behind = _behind_zeros(file, begin, size, window, position)
            if behind < 0 or extended >= 0 or behind == position + BLOCK < size:  # a lone block is damage
                ended = ODD
                break
            if behind == size:
                ended = WHOLE
                break
            first, shown, position = 0, 0, behind
            continue
        length = _octal(window, at + SIZE_AT, SIZE_BYTES)
        after = position + BLOCK + (length + BLOCK - 1) // BLOCK * BLOCK
        kind = window[at + TYPE_AT]
        if length < 0 or after > size or window[at + PREFIX_AT] != 0 or not _sum_is_right(window, at):
            ended = ODD
            break
        if kind == _PAX and extended < 0 and length <= len(window) - BLOCK:
            first, shown = _show(file, begin, size, window, first, shown, position, BLOCK + length)
            at = position - first
            if at + BLOCK + length <= shown and _is_harmless(window, at + BLOCK, at + BLOCK + length):
                extended = position
                position = after
                continue
            ended = ODD
            break
        name, cut, end = _name(window, at)
        if kind == _FOLDER and length == 0 and extended < 0 and cut != -2:
            position = after
            continue
        if cut < 0 or (kind != _REGULAR and kind != _OLD_REGULAR):
            ended = ODD
            break
        if not _is_same(key, key_size, window, name, cut - name):
            if key_size >= 0:
                num_samples, without_image, image_size, left_out_at = _close(
                    row, num_samples, without_image, image_size, left_out_at, best, max_image_bytes
                )
            key_size, best, has, members = cut - name, len(_IMAGES), 0, 0
            for i in range(key_size):
                key[i] = window[name + i]
            row = samples[num_samples]
            row[:] = -1
            row[OFFSET] = extended if extended >= 0 else position
            row[KEY_HASH] = hash_of_key(window, name, cut)
        members += 1
        if members > MAX_MEMBERS_OF_SAMPLE:  # left to `TarSamples`, which counts them
            ended = ODD
            break
        word = _suffix(window, cut + 1, end)
        if word == _JSON:
            duplicate = position if row[JSON_BYTES] >= 0 and duplicate < 0 else duplicate
            row[JSON_AT], row[JSON_BYTES] = position + BLOCK, length
        elif word == _TEXT:
            duplicate = position if row[TEXT_BYTES] >= 0 and duplicate < 0 else duplicate
            row[TEXT_AT], row[TEXT_BYTES] = position + BLOCK, length
        else:
            code = _image(word)
            if code < len(_IMAGES):
                duplicate = position if has >> code & 1 and duplicate < 0 else duplicate
                has |= 1 << code
                if code <= best:
                    best = code
                    row[IMAGE_AT], row[IMAGE_BYTES] = position + BLOCK, length
        position, extended = after, -1
    if key_size >= 0:
        num_samples, without_image, image_size, left_out_at = _close(
            row, num_samples, without_image, image_size, left_out_at, best, max_image_bytes
        )
    return Walk(num_samples, position, ended, without_image, image_size, left_out_at, duplicate)


@leaf
def _show(file, begin, size, window, first, shown, position, count):
    """Have the window show `count` bytes from `position` on, unless it does; return what it shows: from, how many."""
    if first <= position and position + count <= first + shown:
        return first, shown
    return position, read_at(np.int32(file), window, min(len(window), size - position), begin + position)


@leaf
def _close(row, num_samples, without_image, image_size, left_out_at, best, max_image_bytes):
    """Return the counts after a key: its row stays if it has an image of a size within bounds."""
    if best < len(_IMAGES) and 0 < row[IMAGE_BYTES] <= max_image_bytes:
        return num_samples + 1, without_image, image_size, left_out_at
    if left_out_at < 0:
        left_out_at = row[OFFSET]
    if best == len(_IMAGES):
        return num_samples, without_image + 1, image_size, left_out_at
    return num_samples, without_image, image_size + 1, left_out_at


@leaf
def _is_zero(data, position):
    for i in range(BLOCK):  # noqa: SIM110 (numba compiles no generator)
        if data[position + i] != 0:
            return False
    return True


@unlocked
def _behind_zeros(file, begin, size, window, position):
    """Return where the first block from `position` on begins that is not all zeros, `size` where none does.

    -1 where reading failed. What the window shows is overwritten.
    """
    at, buffer = position, window
    while at < size:
        if at - position >= FEW_ZEROS and len(buffer) < MANY_ZEROS:
            buffer = np.empty(MANY_ZEROS, dtype=np.uint8)
        count = read_at(np.int32(file), buffer, min(len(buffer), size - at), begin + at)
        if count <= 0:
            return np.int64(-1)
        i = 0
        while i + 8 <= count and load_word(buffer, i) == 0:
            i += 8
        while i < count and buffer[i] == 0:
            i += 1
        if i < count:
            return np.int64(position + (at + i - position) // BLOCK * BLOCK)
        at += count
    return np.int64(size)


@leaf
def _octal(data, position, size):
    """Return a number as tar writes it: octal digits, with blanks before and a blank or zero behind; -1 for another."""
    i, end = position, position + size
    while i < end and data[i] == SPACE:
        i += 1
    value, first = np.int64(0), i
    while i < end and ZERO <= data[i] <= _SEVEN:
        value = value * 8 + np.int64(data[i] - ZERO)
        i += 1
    if i == first or (i < end and data[i] != SPACE and data[i] != 0):
        return np.int64(-1)
    return value


@leaf
def _sum_is_right(data, position):
    """Tell whether the header's bytes add up to what it says, its own field counted as blanks."""
    total = np.uint64(0)  # four sums of 16 bits: 64 words of two bytes each stay below 2**16
    for i in range(position, position + BLOCK, 8):
        word = load_word(data, i)
        total += (word & _EVEN_BYTES) + ((word >> np.uint64(8)) & _EVEN_BYTES)
    total = (total & _LOW) + ((total >> np.uint64(16)) & _LOW)
    found = np.int64((total & np.uint64(0xFFFFFFFF)) + (total >> np.uint64(32)))
    for i in range(position + SUM_AT, position + SUM_AT + SUM_BYTES):
        found += SPACE - np.int64(data[i])
    return found == _octal(data, position + SUM_AT, SUM_BYTES)


@leaf
def _is_harmless(data, begin, end):
    """Tell whether a pax header says nothing of name, size, kind or encoding: most hold times."""
    i = begin
    while i < end:
        length, blank = np.int64(0), i
        while blank < end and ZERO <= data[blank] <= NINE:
            length = length * 10 + np.int64(data[blank] - ZERO)
            blank += 1
        if length < 5 or i + length > end or data[blank] != SPACE or data[i + length - 1] != NEWLINE:
            return False
        if not (
            is_at(data, blank + 1, end, b"mtime=")
            or is_at(data, blank + 1, end, b"atime=")
            or is_at(data, blank + 1, end, b"ctime=")
        ):
            return False
        i += length
    return True


@leaf
def _name(data, header):
    """Return (begin, first dot of the last part, end) of a member's name without ``./``.

    The dot is -1 for a name that needs tarfile's and `is_side_file`'s eyes (no suffix, a part that begins with a dot,
    two underscores or an at sign, bytes that are no ASCII, an end in a slash), -2 for a folder's name of that kind.
    """
    end = header
    while end < header + NAME_BYTES and data[end] != 0:
        if data[end] > DELETE:
            return header, -2, end
        end += 1
    begin = header
    if is_at(data, begin, end, b"./"):
        begin += 2
    dot, part = -1, begin
    for i in range(begin, end):
        if data[i] == SLASH:
            dot, part = -1, i + 1
        elif data[i] == DOT:
            if i == part:
                return begin, -2, end
            if dot < 0:
                dot = i
        elif i == part and (data[i] == AT_SIGN or (data[i] == UNDERSCORE and is_at(data, i, end, b"__"))):
            return begin, -2, end
    return begin, dot if part < end else -1, end


@leaf
def _is_same(key, key_size, data, begin, size):
    if key_size != size:
        return False
    for i in range(size):  # noqa: SIM110 (numba compiles no generator)
        if key[i] != data[begin + i]:
            return False
    return True


@leaf
def _suffix(data, begin, end):
    """Return the suffix without its dot, in lower case, as a little-endian word; 0 for one of more than 8 bytes."""
    word = np.uint64(0)
    if end - begin > 8:
        return word
    for i in range(end - begin):
        word |= np.uint64(small_letter(data[begin + i])) << np.uint64(8 * i)
    return word


@leaf
def _image(word):
    """Return the place of a suffix among `IMAGE_SUFFIXES`, their number for another."""
    for code in range(len(_IMAGES)):
        if _IMAGES[code] == word:
            return code
    return len(_IMAGES)


@leaf
def hash_of_key(data, begin, end):
    """Return the FNV-1a hash of a key, to tell keys of one tar apart."""
    value = np.uint64(_FNV_START)
    for i in range(begin, end):
        value = (value ^ np.uint64(data[i])) * np.uint64(_FNV_PRIME)
    return np.int64(value >> np.uint64(1))
