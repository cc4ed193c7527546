"""One block in memory: its samples' images and captions.

In: a part of a tar between two samples. Out: for each sample its image's bytes and what its other members say, read
when they are asked for. The block's own headers say where they are: nothing is kept a sample outside open blocks.
"""

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from schemas.file_part import FilePart, UInt8s
from schemas.kernels.tar_headers import (
    IMAGE_AT,
    IMAGE_BYTES,
    JSON_AT,
    JSON_BYTES,
    KEY_HASH,
    NAME_BYTES,
    OFFSET,
    PREFIX_AT,
    TEXT_AT,
    TEXT_BYTES,
    TYPE_AT,
)
from schemas.removals import Removals, digest_prefix
from schemas.tar_contents import MAX_TEXT_BYTES, key_of, read_contents

FurtherCaptions = Callable[[str], list[str]]

REMOVED = "was removed"
_SHA256 = re.compile(rb'"sha256"\s*:\s*"([0-9a-fA-F]{64})"')


class Block:
    """The samples of a block. What is read of them raises as `FilePart.read` does: the shard was cut meanwhile."""

    def __init__(self, part: FilePart, num_samples: int) -> None:
        """Raise ValueError that names the block when it does not hold the samples that the index says."""
        self.where = where = part.where
        self._part = part
        self._samples: npt.NDArray[np.int64] = read_contents(part).samples
        if len(self._samples) != num_samples:
            raise ValueError(
                f"{where}: {len(self._samples)} samples, the index says {num_samples}; the tar was written again: "
                "make the index again with pipeline index"
            )
        self.faults: dict[int, str] = {}
        """Why samples cannot be used, as far as they were tried."""

    def remove(self, removals: Removals) -> None:
        """Have the samples that `removals` names not be used."""
        removed = removals.of_keys(self._samples[:, KEY_HASH])
        if len(removals.digests):
            digests = self._digests()
            removed |= removals.of_digests(digests) & (digests != 0)
        self.faults.update(dict.fromkeys(np.flatnonzero(removed).tolist(), REMOVED))

    def _digests(self) -> npt.NDArray[np.uint64]:
        """Return the first 64 bits of the SHA-256 that each sample's description notes; 0 without one."""
        noted = [_SHA256.search(self.description(sample) or b"") for sample in range(len(self))]
        return np.array([digest_prefix(found[1].decode()) if found else 0 for found in noted], dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._samples)

    def key(self, sample: int) -> str:
        """Return the key of a sample, without folders."""
        return self.whole_key(sample).rpartition("/")[2]

    def whole_key(self, sample: int) -> str:
        """Return the key of a sample with its folders, ``a/7`` of ``./a/7.jpg``, as removals name it."""
        begin = int(self._samples[sample, OFFSET])
        header = self._part.read(begin, PREFIX_AT + 1).tobytes()
        name, end, _ = header[:NAME_BYTES].partition(b"\0")
        plain = end and name.isascii() and header[TYPE_AT] in b"0\0" and not header[PREFIX_AT]
        if plain:  # of a member without a header of its own for the name: a thirtieth of tarfile's time
            folder, slash, last = name.decode().removeprefix("./").rpartition("/")
            return folder + slash + last.partition(".")[0]
        return key_of(self._part, self._samples[sample])

    def image(self, sample: int, buffer: UInt8s | None = None) -> UInt8s:
        """Return the bytes of a sample's image, in `buffer` if it has room for them."""
        return self._part.read(*self.image_place(sample), buffer)

    def image_place(self, sample: int) -> tuple[int, int]:
        """Return where in the block a sample's image begins, and its bytes."""
        return int(self._samples[sample, IMAGE_AT]), int(self._samples[sample, IMAGE_BYTES])

    def description(self, sample: int) -> bytes | None:
        """Return the sample's ``.json``."""
        return self._member(sample, JSON_AT, JSON_BYTES)

    def text(self, sample: int) -> bytes | None:
        """Return the sample's ``.txt``."""
        return self._member(sample, TEXT_AT, TEXT_BYTES)

    def _member(self, sample: int, at_column: int, bytes_column: int) -> bytes | None:
        at, size = int(self._samples[sample, at_column]), int(self._samples[sample, bytes_column])
        return self._part.read(at, min(size, MAX_TEXT_BYTES)).tobytes() if size >= 0 else None
