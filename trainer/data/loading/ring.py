"""Memory that a worker and its loader processes share: a few batches' images, tokens and ids, and the arrays they read.

In: the sizes of a batch. Out: the arrays of each slot, the same bytes in all processes. The memory has no name, so that
nothing of it is left whatever ends the processes, and no /dev/shm of a container bounds it.
"""

import mmap
import os
import pickle
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.data.batch import FILE_COLUMNS


@dataclass(frozen=True)
class RingShape:
    """What a ring holds: `slots` batches of `rows` rows."""

    slots: int
    rows: int
    image_px: int
    context_length: int

    @property
    def images_bytes(self) -> int:
        return self.rows * 3 * self.image_px**2

    @property
    def slot_bytes(self) -> int:
        """Bytes of a slot, whole pages: arrays of it begin at multiples of what their types need."""
        bytes_a_row = 8 + 8 * FILE_COLUMNS + 4 + 4 * self.context_length
        return -(-(self.ids_offset + self.rows * bytes_a_row) // mmap.PAGESIZE) * mmap.PAGESIZE

    @property
    def ids_offset(self) -> int:
        """Bytes from a slot's images to its ids; files, lengths and tokens follow."""
        return -(-self.images_bytes // 8) * 8


def anonymous_file(num_bytes: int) -> int:
    """Return the descriptor of a new file without a name: in memory, on systems other than Linux on disk."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("webimagetext-batches")
    else:
        descriptor, name = tempfile.mkstemp(prefix="webimagetext-batches-")
        os.unlink(name)
    os.ftruncate(descriptor, num_bytes)
    return descriptor


class Ring:
    """The slots, mapped into this process."""

    def __init__(self, descriptor: int, shape: RingShape) -> None:
        self.shape = shape
        self.pages = mmap.mmap(descriptor, shape.slots * shape.slot_bytes)

    def images(self, slot: int) -> npt.NDArray[np.uint8]:
        """Return the images ``[rows, 3, P, P]`` of a slot: a new array each time, over the same bytes."""
        px = self.shape.image_px
        flat = np.frombuffer(self.pages, np.uint8, self.shape.images_bytes, slot * self.shape.slot_bytes)
        return flat.reshape(self.shape.rows, 3, px, px)

    def ids(self, slot: int) -> npt.NDArray[np.int64]:
        """Return the ids of a slot's rows."""
        return np.frombuffer(self.pages, np.int64, self.shape.rows, self._after_images(slot))

    def files(self, slot: int) -> npt.NDArray[np.int64]:
        """Return the numbers of files of a slot's rows, ``[rows, F]`` (`Batch.files_bF`)."""
        rows = self.shape.rows
        begin = self._after_images(slot) + 8 * rows
        return np.frombuffer(self.pages, np.int64, rows * FILE_COLUMNS, begin).reshape(rows, FILE_COLUMNS)

    def lengths(self, slot: int) -> npt.NDArray[np.int32]:
        """Return how many tokens each row of a slot has."""
        return np.frombuffer(self.pages, np.int32, self.shape.rows, self._after_files(slot))

    def tokens(self, slot: int, row: int) -> npt.NDArray[np.int32]:
        """Return the room for the tokens of the rows from `row` on, which stand there one after another."""
        rows, width = self.shape.rows, self.shape.context_length
        begin = self._after_files(slot) + 4 * rows + 4 * row * width
        return np.frombuffer(self.pages, np.int32, (rows - row) * width, begin)

    def _after_images(self, slot: int) -> int:
        return slot * self.shape.slot_bytes + self.shape.ids_offset

    def _after_files(self, slot: int) -> int:
        return self._after_images(slot) + 8 * (1 + FILE_COLUMNS) * self.shape.rows


MIN_SHARED_BYTES = 1 << 16
"""Smaller arrays go with the rest of an object."""


@dataclass(frozen=True)
class SharedObject:
    """An object whose big arrays lie in shared memory, once for all processes."""

    packed: bytes
    cuts: list[int]
    """Where the arrays begin and end."""

    def open(self, descriptor: int) -> Any:
        """Return the object; its big arrays cannot be written to."""
        if len(self.cuts) == 1:
            return pickle.loads(self.packed)  # noqa: S301  # by `share_object` in the worker
        pages = memoryview(mmap.mmap(descriptor, self.cuts[-1], access=mmap.ACCESS_READ))
        arrays = [pages[begin:end] for begin, end in pairwise(self.cuts)]
        return pickle.loads(self.packed, buffers=arrays)  # noqa: S301


def share_object(value: Any) -> tuple[SharedObject, int]:
    """Return `value` for other processes, and the descriptor of the memory with its big arrays."""
    arrays: list[memoryview] = []

    def keep_inside(array: pickle.PickleBuffer) -> bool:
        view = array.raw()
        if view.nbytes < MIN_SHARED_BYTES:
            return True
        arrays.append(view)
        return False

    packed = pickle.dumps(value, 5, buffer_callback=keep_inside)
    cuts = [0]
    for array in arrays:
        cuts.append(cuts[-1] + array.nbytes)
    descriptor = anonymous_file(max(1, cuts[-1]))
    with open(descriptor, "wb", closefd=False) as sink:
        for array in arrays:
            sink.write(array)
    return SharedObject(packed, cuts), descriptor
