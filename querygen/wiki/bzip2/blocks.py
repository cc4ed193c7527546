"""Read the blocks of a bzip2 file from any place in it: a range of packed bytes in, plain blocks with positions out.

    BZh9 | block magic, CRC, bits ... | block magic, CRC, bits ... | end magic, CRC, padding | BZh9 | block magic ...
           ^ at any bit                 ^ at any bit

Blocks are found by their 48-bit magic, so one stream or a million are alike, a range needs nothing of what lies before
it, and reading goes on behind damaged bytes. A block belongs to the range in which its magic begins. Verified are the
CRC of a block and that it ends where the next one or the end of the stream begins; a stream's own CRC, made of those
of its blocks, is not, because a range may hold a part of the stream only.
"""

import bz2
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from querygen.wiki.bzip2.decoder import MAX_BLOCKS, OK, PADDING, RANDOMISED, BlockDecoder, DecodedBlock
from schemas.kernels.compiled import kernel

READ_BYTES = 1024 * 1024
MAX_BLOCK_BYTES = 2_400_000
"""No packed block is longer: 900,000 symbols of at most 20 bits, and the tables."""
MAGIC_BITS = 48
_BLOCK, _END = 0x314159265359, 0x177245385090
_MAGICS = np.array([_BLOCK, _END], dtype=np.int64)


def _first_looks() -> npt.NDArray[np.bool_]:
    """Return which two bytes in a row occur whole inside a magic, at any of the 8 bit offsets."""
    table = np.zeros(1 << 16, dtype=np.bool_)
    for magic in (_BLOCK, _END):
        table[[(magic >> shift) & 0xFFFF for shift in range(33)]] = True
    return table


_FIRST_LOOK = _first_looks()


@kernel
def _bits48(data, bit):
    """Return the 48 bits of `data` from `bit`; 7 bytes from there must exist, or 6 when `bit` is a multiple of 8."""
    byte, shift = bit >> 3, bit & 7
    value = np.int64(0)
    for place in range(6):
        value = (value << 8) | np.int64(data[byte + place])
    if shift:
        value = (value << shift) | (np.int64(data[byte + 6]) >> (8 - shift))
    return value & 0xFFFFFFFFFFFF


@kernel
def find_magics(data, first_look, magics, found):
    """Fill `found` with (bit offset * 2 + magic) of all magics whole in `data`, in order; return their number.

    A magic holds at least four pairs of whole bytes, so a look at every fourth byte meets each of them.
    """
    size = len(data)
    count = 0
    next_bit = 0  # magics before this bit are found already
    for place in range(0, size - 1, 4):
        if first_look[(np.int64(data[place]) << 8) | np.int64(data[place + 1])]:
            for bit in range(max(next_bit, 8 * (place - 4)), min(8 * place + 1, 8 * size - 47)):
                value = _bits48(data, bit)
                kind = 0 if value == magics[0] else 1 if value == magics[1] else -1
                if kind >= 0:
                    found[count] = bit * 2 + kind
                    count += 1
                    next_bit = bit + 1
    return count


@kernel
def shift_bits(data, start, stop, out):
    """Copy the bits ``[start, stop)`` of `data` to the front of `out`; what `out` holds behind them is or'ed to."""
    shift = start & 7
    size = len(data)
    first = start >> 3
    whole = (stop - start) >> 3
    for place in range(whole):
        value = np.int64(data[first + place]) << 8
        if first + place + 1 < size:
            value |= np.int64(data[first + place + 1])
        out[place] = (value >> (8 - shift)) & 0xFF
    for bit in range(start + 8 * whole, stop):
        if data[bit >> 3] & (128 >> (bit & 7)):
            offset = bit - start
            out[offset >> 3] |= 128 >> (offset & 7)


def block_starts(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the bytes of `data` in which blocks begin."""
    found = np.empty(len(data) // 6 + 2, dtype=np.int64)
    magics = found[: find_magics(data, _FIRST_LOOK, _MAGICS, found)]
    return magics[magics & 1 == 0] >> 4


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of the file, or the place where one is broken."""

    found_at: int
    """Byte of the file in which the magic lies that led here; the unit of this byte owns the block."""
    position: int
    """Byte of the file in which the block, or the loss, begins."""
    num_packed_bytes: int
    data: bytes | None
    """The plain bytes, their CRC verified; None: they cannot be had."""
    cut_off: bool = False
    """Whether the file ends within this block."""


class BlockReader:
    """The blocks of one file from byte `start` on; iterate once and stop at will."""

    def __init__(
        self,
        raw: IO[bytes],
        start: int,
        progress: Callable[[int], Any] = lambda num_bytes: None,
        end: int | None = None,
    ) -> None:
        """`raw` must be seekable; `progress` is told the bytes read.

        Behind the first block from byte `end` on (None: no such) blocks are decoded one by one: few of them are wanted.
        """
        self._raw = raw
        self._progress = progress
        self._base = start  # offset in the file of the first byte of _data
        self._end = end
        self._ready: dict[int, DecodedBlock] = {}  # by bit of the file
        self._data = np.zeros(0, dtype=np.uint8)
        self._scanned_bit = 8 * start  # of the file; magics that begin before it are found
        self._magics: list[int] = []  # found and not used up: bit of the file * 2 + magic
        self._mark = start  # no magic begins from here to the end of _data, but those in _magics
        self._in_hole = False  # no magic is where one must be, and what is lost goes on at _mark
        self._ended = False
        raw.seek(start)

    def __iter__(self) -> Iterator[Block]:
        self._decoder = BlockDecoder.take()
        try:
            yield from self._blocks()
        finally:
            self._ready.clear()
            self._decoder.give_back()

    def _blocks(self) -> Iterator[Block]:
        if self._base == 0:
            yield from self._between_streams(0, 0)
        while True:
            magic = self._magic(0)
            if self._in_hole:
                hole_end = magic >> 4 if magic is not None else self._known if self._ended else None
                yield self._loss(self._mark, self._mark, hole_end)
            if magic is None:
                if self._ended:
                    return
                self._in_hole = True
            elif magic & 1:
                self._magics.pop(0)
                yield from self._between_streams(((magic >> 1) + MAGIC_BITS + 32 + 7) >> 3, magic >> 4)
            else:
                yield from self._block(magic >> 1)

    @property
    def _known(self) -> int:
        """Offset in the file behind the last byte read."""
        return self._base + len(self._data)

    def _magic(self, index: int) -> int | None:
        """Return the magic at `index` of those not used up, after reading on to it.

        None: the file has no more, or none in more bytes than a block has; `_mark` is where these begin.
        """
        while len(self._magics) <= index:
            if self._magics:
                self._mark = max(self._mark, self._magics[-1] >> 4)
            if self._ended or self._known - self._mark > MAX_BLOCK_BYTES:
                return None
            self._read()
        return self._magics[index]

    def _loss(self, position: int, found_at: int, end: int | None = None, *, cut_off: bool = False) -> Block:
        """Return a loss from `position` to `end` (None: to where no magic is known to begin before)."""
        hole_goes_on = end is None
        end = max(position, self._known - 7 if end is None else end)
        self._mark = max(self._mark, end)
        self._in_hole = hole_goes_on
        return Block(found_at=found_at, position=position, num_packed_bytes=end - position, data=None, cut_off=cut_off)

    def _read(self, needed: int | None = None) -> None:
        """Read on; keep what was read from byte `needed` on (None: from the first magic not used up)."""
        piece = self._raw.read(READ_BYTES)
        self._progress(len(piece))
        if not piece:
            self._ended = True
            return
        # Of the bytes before, the first block not used up is needed, and 8 in which a magic may have begun.
        if needed is None:
            needed = self._magics[0] >> 4 if self._magics else self._known
        keep = min(self._known - 8, needed)
        cut = max(0, keep - self._base)
        self._data = np.concatenate((self._data[cut:], np.frombuffer(piece, dtype=np.uint8)))
        self._base += cut
        skip = max(0, self._scanned_bit // 8 - self._base)
        found = np.empty((len(self._data) - skip) // 6 + 2, dtype=np.int64)
        count = find_magics(self._data[skip:], _FIRST_LOOK, _MAGICS, found)
        magics = (found[:count] + 16 * (self._base + skip)).tolist()
        self._magics += [magic for magic in magics if magic >> 1 >= self._scanned_bit]
        self._scanned_bit = max(self._scanned_bit, 8 * self._known - MAGIC_BITS + 1)

    def _block(self, bit: int) -> Iterator[Block]:
        """Yield the block that begins at `bit`, its magic the first one not used up, and a loss if it has no end."""
        if bit not in self._ready:
            self._decode_ahead()
        decoded = self._ready.pop(bit)
        data, end = decoded.plain() if decoded.status == OK else None, decoded.end_bit
        behind = self._magic(1)
        if decoded.status == RANDOMISED and behind is not None:
            data, end = self._decode_randomised(bit, behind >> 1), behind >> 1
        if data is None:
            self._magics.pop(0)
            loss_end = (behind >> 1) + 7 >> 3 if behind is not None else self._known if self._ended else None
            cut_off = behind is None and self._ended and self._known - (bit >> 3) <= MAX_BLOCK_BYTES
            yield self._loss(bit >> 3, bit >> 3, loss_end, cut_off=cut_off)
            return
        while self._magics and self._magics[0] >> 1 < end:  # bits inside a block may look like a magic
            self._magics.pop(0)
        num_bytes = ((end + 7) >> 3) - (bit >> 3)
        yield Block(found_at=bit >> 3, position=bit >> 3, num_packed_bytes=num_bytes, data=data)
        self._mark = max(self._mark, end >> 3)
        behind = self._magic(0)
        if behind is None or behind >> 1 != end:
            loss_end = behind >> 4 if behind is not None else self._known if self._ended else None
            cut_off = behind is None and self._ended and self._known - (end >> 3) < 11
            yield self._loss(end >> 3, bit >> 3, loss_end, cut_off=cut_off)

    def _decode_ahead(self) -> None:
        """Decode the next block, and those behind it up to the first from `_end` on, as many as the decoder takes."""
        bits = [self._magics[0] >> 1]
        index = 1
        while (magic := self._magic(index)) is not None and index < 8 * MAX_BLOCKS:
            is_block = magic & 1 == 0
            if len(bits) == MAX_BLOCKS or (self._end is not None and bits[-1] >> 3 >= self._end):
                break
            if is_block:
                bits.append(magic >> 1)
            index += 1
        first = bits[0] >> 3
        stop = self._known if magic is None else min(self._known, (magic >> 4) + 8)
        data = np.concatenate((self._data[first - self._base : stop - self._base], np.zeros(PADDING, dtype=np.uint8)))
        decoded = self._decoder.decode(data, [bit - 8 * first for bit in bits])
        self._ready = {
            bit: replace(block, end_bit=block.end_bit + 8 * first) for bit, block in zip(bits, decoded, strict=True)
        }

    def _decode_randomised(self, bit: int, stop: int) -> bytes | None:
        """Return the plain bytes of a block as only bzip2 before 0.9.5 made them; libbz2 knows how."""
        if not 80 <= stop - bit <= 8 * MAX_BLOCK_BYTES:
            return None
        place = (stop - bit) >> 3
        packed = np.zeros(place + 12, dtype=np.uint8)
        shift_bits(self._data, bit - 8 * self._base, stop - 8 * self._base, packed)
        shift = (stop - bit) & 7
        for byte in (*_END.to_bytes(6, "big"), *packed[6:10].tolist()):
            packed[place] |= byte >> shift
            packed[place + 1] |= (byte << (8 - shift)) & 0xFF
            place += 1
        stream = bz2.BZ2Decompressor()
        try:
            data = stream.decompress(b"BZh9" + packed.tobytes())
        except (OSError, EOFError):
            return None
        return data if stream.eof else None

    def _between_streams(self, start: int, found_at: int) -> Iterator[Block]:
        """Yield a loss when at byte `start` neither a stream begins nor the file ends."""
        while not self._ended and self._known < start + 10:
            self._read(start)
        head = self._data[max(0, start - self._base) :][:10].tobytes()
        if start == self._known:
            return
        magic = self._magic(0)
        if magic is not None and magic >> 1 == 8 * (start + 4) and head[:3] == b"BZh":
            return
        cut_off = start > self._known or (len(head) < 10 and b"BZh9".startswith(head[:4]))
        end = magic >> 4 if magic is not None else self._known if self._ended else None
        yield self._loss(min(start, self._known), found_at, end, cut_off=cut_off)
