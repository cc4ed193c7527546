"""Rows of a batch: their images decoded into its array, their captions chosen.

In: rows, and the blocks they are in. Out: pixels and captions. A sample that cannot be used (its image does not decode,
it has no caption, it was removed) is replaced by the next in its block that can, the last of a block by the first; a
block without any by the next block. So the order of samples does not depend on what can be decoded.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.file_part import UInt8s
from trainer.data.data_set import DataSet
from trainer.data.order.draws import UInt64s, keyed_hash
from trainer.data.order.mixture import Rows
from trainer.data.read.block import Block
from trainer.data.read.live_blocks import LiveBlocks
from trainer.data.transforms import ImageFault, Pixels, crop, decode, decode_crop, file_crop

logger = logging.getLogger(__name__)

CAPTION_DRAW, CROP_DRAW, KIND_DRAW = 1, 2, 3
"""Purposes of the random draws."""

MAX_REPLACEMENTS = 1_000
"""So many samples in a row that cannot be used end the run: the shards are broken, not a sample."""

MAX_TOLD = 20
"""So many unusable samples a worker tells of one by one; all are counted."""
MORE = f"more than {MAX_TOLD} samples cannot be used: further ones are replaced and counted only"

WITHOUT_CAPTION = "has no caption"

SOURCE_BITS = 48
"""An id is the number of the sample in its source, with the number of the source above these bits."""

CACHED_PIXELS = 4 / 3
"""Pixels of a resized image to those of its crop, about: how much the cache of a whole set takes."""

BUFFER_BYTES = 1 << 20
"""Of a thread, for the bytes of one image: in new memory each time, they took as long to be given as to be read."""

Draws = tuple[UInt64s, UInt64s, UInt64s]
"""Of each row: for the crop, the caption, and the kind of caption."""


class _Room(NamedTuple):
    """Where a row goes."""

    pixels: Pixels
    file: npt.NDArray[np.int64]


class RowReader:
    """Fills rows; several threads use it."""

    def __init__(
        self,
        data: DataSet,
        *,
        image_px: int,
        cache_bytes: int = 0,
        is_stored: bool = False,
        further: Callable[[str], list[str]] | None = None,
        hands_over: bool = False,
    ) -> None:
        """Resized pixels are kept in memory when those of all samples fit `cache_bytes`.

        `is_stored`: crops are cut of the images as they are stored, without resizing; nothing is kept then.
        `further` gives captions that belong to a key beside those in its tar. `hands_over`: a JPEG that a device can
        decode is left to it, and nothing is kept (`Batch.files_bF`).
        """
        self._data = data
        self.image_px = image_px
        self._further = further
        self._is_stored = is_stored
        self.hands_over = hands_over
        fits = not is_stored and not hands_over and data.num_samples * 3 * image_px**2 * CACHED_PIXELS <= cache_bytes
        self._cache: dict[int, Pixels] | None = {} if fits else None
        self._told: set[int] = set()
        self._lock = threading.Lock()
        self._own = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        """Go to another process without what this one has decoded or told."""
        return {
            **self.__dict__,
            "_cache": None if self._cache is None else {},
            "_told": set(),
            "_lock": None,
            "_own": None,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _own=threading.local())

    def ids(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Return the id of each row's sample."""
        numbers = np.empty(len(rows), dtype=np.int64)
        for number, source in enumerate(self._data.sources):
            at = slice(None) if len(self._data.sources) == 1 else np.flatnonzero(rows.sources == number)
            numbers[at] = source.blocks.numbers[rows.blocks[at]] + rows.samples[at]
        return numbers | rows.sources.astype(np.int64) << SOURCE_BITS

    def draws(self, rows: Rows) -> Draws:
        """Return the random bits of the rows."""
        ids = self.ids(rows)
        seed = self._data.seed
        return (
            keyed_hash(seed, rows.epochs, ids, CROP_DRAW),
            keyed_hash(seed, np.zeros_like(ids), ids, CAPTION_DRAW),
            keyed_hash(seed, rows.epochs, ids, KIND_DRAW),
        )

    def fill(
        self, blocks: LiveBlocks, rows: Rows, draws: Draws, first: int, last: int, images: npt.NDArray[np.uint8],
        files: npt.NDArray[np.int64],
    ) -> tuple[list[str], int]:  # fmt: skip
        """Write the images of rows `first` .. `last` - 1; return their captions, and how many rows were replaced.

        A row whose JPEG is handed over holds its bytes, and `files`, else left as it is, what `Batch.files_bF` says.

        Raises ValueError when too many samples in a row cannot be used.
        """
        captions: list[str] = []
        replaced = 0
        for row in range(first, last):
            source, block_number = int(rows.sources[row]), int(rows.blocks[row])
            bits = (int(draws[1][row]), int(draws[2][row]))
            caption, used = self._use(
                blocks, source, block_number, int(rows.samples[row]), int(rows.epochs[row]), bits,
                int(draws[0][row]), _Room(images[row], files[row]),
            )  # fmt: skip
            captions.append(caption)
            replaced += used
        return captions, replaced

    def _use(
        self, blocks: LiveBlocks, source: int, number: int, sample: int, epoch: int, bits: tuple[int, int],
        crop_bits: int, room: _Room,
    ) -> tuple[str, bool]:  # fmt: skip
        """Fill one row; return its caption, and whether another sample had to be taken."""
        tried, first_fault = 0, ""
        for at, block, place in islice(self._in_turn(blocks, source, number, sample), MAX_REPLACEMENTS):
            caption = self._sample(block, source, at, place, epoch, bits, crop_bits, room)
            if caption is not None:
                room.file[1] = room.file[0] > 0 and tried > 0
                return caption, tried > 0
            first_fault = first_fault or block.faults[place]
            tried += 1
        kinds, check = self._data.rules[source].kinds, "check --shards"
        if kinds and first_fault == WITHOUT_CAPTION:
            first_fault = f"has no caption in a member {' or '.join(kinds)} of its json"
            check = "check --captions and --shards"
        raise ValueError(
            f"{self._data.sources[source].place(number).where}: {tried} samples in a row cannot be used, the first "
            f"because it {first_fault}; {check}"
        )

    def _in_turn(self, blocks: LiveBlocks, source: int, number: int, sample: int) -> Iterator[tuple[int, Block, int]]:
        """Yield (number of a block, the block, place in it) of a sample and of those that may replace it, in order."""
        num_blocks = len(self._data.sources[source].blocks)
        for step in range(num_blocks):
            at = (number + step) % num_blocks
            block = blocks.get(source, at)
            first = sample if step == 0 else 0
            for turn in range(len(block)):
                yield at, block, (first + turn) % len(block)

    def _sample(
        self, block: Block, source: int, number: int, place: int, epoch: int, bits: tuple[int, int], crop_bits: int,
        room: _Room,
    ) -> str | None:  # fmt: skip
        """Fill `room` from one sample and return its caption, None when it cannot be used (told once)."""
        caption = self.caption(block, source, place, epoch, bits)
        if caption is None:
            self._tell(block, self._name(source, number, place), place)
            return None
        try:
            self._fill_image(block, source, number, place, crop_bits, room)
        except ImageFault as error:
            block.faults[place] = str(error)
            self._tell(block, self._name(source, number, place), place)
            return None
        return caption

    def caption(self, block: Block, source: int, place: int, epoch: int, bits: tuple[int, int]) -> str | None:
        """Return the caption that a sample gives in `epoch`, None for one that is not used: noted in its block."""
        if place in block.faults:
            return None
        further = self._further(block.key(place)) if self._further else []
        rule = self._data.rules[source]
        caption = rule.choose(block.description(place), block.text(place), further, epoch, bits)
        if caption is None:
            block.faults[place] = WITHOUT_CAPTION
        return caption

    def _fill_image(self, block: Block, source: int, number: int, place: int, crop_bits: int, room: _Room) -> None:
        """Fill `room` from the image of a sample. Raises `ImageFault`."""
        if self.hands_over and self._hand_over(block.image(place, self._buffer()), crop_bits, room):
            return
        if self._cache is None:
            data = block.image(place, self._buffer())
            decode_crop(data, self.image_px, crop_bits, room.pixels, is_stored=self._is_stored)
            return
        name = self._name(source, number, place)
        found = self._cache.get(name)
        if found is None:
            found = self._cache[name] = decode(block.image(place, self._buffer()), self.image_px)
        room.pixels[:] = crop(found, self.image_px, crop_bits)

    def _hand_over(self, data: Pixels, crop_bits: int, room: _Room) -> bool:
        """Put the file into the room for its pixels, where it has room there and a device can decode it."""
        if len(data) > room.pixels.size:
            return False
        found = file_crop(data, self.image_px, crop_bits, is_stored=self._is_stored)
        if found is None:
            return False
        room.pixels.reshape(-1)[: len(data)] = data
        room.file[:] = (len(data), 0, *found)
        return True

    def _buffer(self) -> UInt8s:
        """Return this thread's buffer."""
        if not hasattr(self._own, "buffer"):
            self._own.buffer = np.empty(BUFFER_BYTES, dtype=np.uint8)
        buffer: UInt8s = self._own.buffer
        return buffer

    def _name(self, source: int, number: int, place: int) -> int:
        """Return the id of a sample by its block."""
        return int(self._data.sources[source].blocks.numbers[number]) + place | source << SOURCE_BITS

    def _tell(self, block: Block, name: int, place: int) -> None:
        """Tell why a sample is not used, once a run; of many only the first are told."""
        with self._lock:
            if name in self._told or len(self._told) > MAX_TOLD:
                return
            self._told.add(name)
            if len(self._told) > MAX_TOLD:
                logger.warning(MORE)
                return
        logger.warning("sample %s of %s %s; replaced", block.key(place), block.where, block.faults[place])
