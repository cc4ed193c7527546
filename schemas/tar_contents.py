"""What samples a tar holds, and where their image, caption and description are.

In: an open tar, whole or a part of it between two samples. Out: a row for each key with an image, in their order, and
what is no sample, by reason. Archives written one behind the other are one. A key is one as `TarSamples` has it;
bytes that the kernel does not understand are read by that, a hundred times slower, with the same result.
"""

import tarfile
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from schemas.file_part import FilePart
from schemas.image_files import IMAGE_SUFFIXES
from schemas.kernels.tar_headers import (
    BLOCK,
    COLUMNS,
    IMAGE_AT,
    IMAGE_BYTES,
    JSON_AT,
    JSON_BYTES,
    KEY_HASH,
    ODD,
    OFFSET,
    TEXT_AT,
    TEXT_BYTES,
    WHOLE,
    WINDOW_BYTES,
    walk_headers,
)
from schemas.tar_samples import TarMember, TarSample, TarSamples

MAX_IMAGE_BYTES = 64 << 20
"""A larger one is no image of a sample."""
MAX_TEXT_BYTES = 1 << 20
"""Of a caption or description so much is read."""
MAX_MEMBERS = 10_000_000
"""Of one tar: bounds the memory a hostile one can take."""

MAX_EXAMPLE_BYTES = 1 << 20
"""Looked at to name the members of a key that is no sample."""

WITHOUT_IMAGE, IMAGE_SIZE, NAME_NOT_UTF8 = "image_missing", "image_size", "name_not_utf8"
"""Why a key is no sample."""

DISK_WINDOW_BYTES = 1 << 20
"""Read at once of a tar that the system does not have in memory: a disk brings neighbours sooner than it finds places
(a walk in small windows took four times as long)."""


@dataclass(frozen=True)
class TarContents:
    """The samples of a tar or of a part of one."""

    samples: npt.NDArray[np.int64]
    """``[samples, COLUMNS]`` (`schemas/kernels/tar_headers.py`); offsets from the first byte read."""
    end: int
    """Where the last member ends, with its padding."""
    is_whole: bool
    """The zeros that end an archive are there. Of a part of a tar it is False."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Keys that are no sample, by reason."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Members that belong to no key, by `TarSamples`' reasons."""
    example: str = ""
    """A key that was left out, and why."""
    damaged_at: int = -1
    """Where zeros stand in a header's place, or behind zeros what is no header; what is behind is read again from the
    next header on."""


def read_contents(part: FilePart) -> TarContents:
    """Return the samples of a tar.

    Raises ValueError that names it and the place for bytes that are no tar, when a sample has a member twice, or when
    the file was cut meanwhile; OSError that names it where the disk fails.
    """
    samples = np.empty((len(part) // (2 * BLOCK) + 2, COLUMNS), dtype=np.int64)
    window = np.empty(WINDOW_BYTES if part.is_in_memory() else DISK_WINDOW_BYTES, dtype=np.uint8)
    walk = walk_headers(part.fileno(), part.begin, len(part), MAX_IMAGE_BYTES, samples, window)
    if walk.ended == ODD:
        return _read_by_tarfile(part)
    if walk.duplicate >= 0:
        raise _twice(part.where, walk.duplicate)
    left_out = Counter({WITHOUT_IMAGE: walk.without_image, IMAGE_SIZE: walk.image_size})
    example = _example(part, walk.left_out_at) if walk.left_out_at >= 0 else ""
    return TarContents(samples[: walk.num_samples].copy(), walk.end, walk.ended == WHOLE, +left_out, example=example)


def _example(part: FilePart, at: int) -> str:
    """Return the members of the key at the header at byte `at`, and why it is no sample."""
    sample = next(iter(TarSamples(part.between(at, at + MAX_EXAMPLE_BYTES).stream())))
    has_image = any(member.suffix in IMAGE_SUFFIXES for member in sample.members)
    return f"{sample.names()}: {IMAGE_SIZE if has_image else WITHOUT_IMAGE}"


def _twice(where: str, offset: int) -> ValueError:
    return ValueError(
        f"{where}: at byte {offset} a sample has a member of a suffix for the second time: expected each key once in a "
        "tar; two samples share it, write the tar again with keys of their own"
    )


def _read_by_tarfile(part: FilePart) -> TarContents:
    reader, where = TarSamples(part.stream()), part.where
    rows: list[list[int]] = []
    left_out: Counter[str] = Counter()
    example = ""
    try:
        for sample in reader:
            if reader.num_members > MAX_MEMBERS:
                raise ValueError(f"{where}: more than {MAX_MEMBERS} members")
            row = _row(sample, where)
            if isinstance(row, str):
                left_out[row] += 1
                example = example or f"{sample.names()}: {row}".encode("utf-8", "backslashreplace").decode()
            else:
                rows.append(row)
    except tarfile.TarError as error:
        if not reader.num_members:
            raise ValueError(f"{where}: expected a tar file, {error}") from error
    samples = np.array(rows, dtype=np.int64).reshape(-1, COLUMNS)
    end = reader.end if reader.is_whole else len(part)
    return TarContents(samples, end, reader.is_whole, left_out, +reader.passed_over, example, reader.damaged_at)


def _row(sample: TarSample, where: str) -> list[int] | str:
    """Return the row of a key, or why it is no sample."""
    if sample.key.encode("utf-8", "ignore").decode() != sample.key:
        return NAME_NOT_UTF8
    of_suffix: dict[str, TarMember] = {}
    for member in sample.members:
        if member.suffix in of_suffix and member.suffix in (".json", ".txt", *IMAGE_SUFFIXES):
            raise _twice(where, member.offset - BLOCK)
        of_suffix[member.suffix] = member
    image = next((of_suffix[suffix] for suffix in IMAGE_SUFFIXES if suffix in of_suffix), None)
    if image is None:
        return WITHOUT_IMAGE
    if not 0 < image.size <= MAX_IMAGE_BYTES:
        return IMAGE_SIZE
    row = [-1] * COLUMNS
    row[OFFSET], row[IMAGE_AT], row[IMAGE_BYTES] = sample.offset, image.offset, image.size
    for suffix, at, size in ((".json", JSON_AT, JSON_BYTES), (".txt", TEXT_AT, TEXT_BYTES)):
        if suffix in of_suffix:
            row[at], row[size] = of_suffix[suffix].offset, of_suffix[suffix].size
    row[KEY_HASH] = key_hash(sample.key)
    return row


def key_hash(key: str) -> int:
    """Return the kernel's hash of a key."""
    value = 0xCBF29CE484222325
    for byte in key.encode("utf-8", "surrogateescape"):
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return value >> 1


def key_of(part: FilePart, row: npt.NDArray[np.int64]) -> str:
    """Return the key of a sample, for a message or a look-up: what its first header says, read by tarfile."""
    headers = part.between(int(row[OFFSET]), int(row[IMAGE_AT]) + BLOCK)
    sample = next(iter(TarSamples(headers.stream())), None)
    return sample.key if sample is not None else ""
