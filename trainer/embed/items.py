"""What is embedded: folders of images, files of texts, shards, each cut into parts of about as many rows.

In: a path. Out: for each part its items, read one after another. Held are a path an image of a folder, 8 bytes a part
of a text, 50 bytes a block of 320 samples of shards.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from schemas.existing_paths import is_dir, is_file
from schemas.image_files import IMAGE_SUFFIXES, is_image_name
from schemas.side_files import is_side_file
from schemas.storage import Folder
from schemas.utf8_name import utf8_name
from trainer.data.loader import DEADLINE_S
from trainer.data.open_data import ShardFolder, describe_inputs, open_data, open_folders, prepare_indexes, read_indexes
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.captions import captions_of
from trainer.data.transforms import Pixels

MAX_LINE_BYTES = 1 << 20
NO_UTF8 = "a name that is no UTF-8, which no column of text can hold; rename it"


class Place(NamedTuple):
    """Where the bytes of a sample's image lie."""

    tar: str
    offset: int
    size: int


class Item(NamedTuple):
    """One row to be; a `fault` says why it can be none."""

    id: str
    image: bytes | Pixels | None = None
    caption: str | None = None
    place: Place | None = None
    fault: str | None = None


class ImageItems:
    """The images below a folder, sorted by path: `num_parts` parts of `num_rows` rows in all."""

    has_images, has_texts = True, False

    def __init__(self, path: str, part_rows: int) -> None:
        """Raise FileNotFoundError where there is no folder, or no image in it."""
        self._root = root = Path(path)
        if not is_dir(root):
            raise FileNotFoundError(f"--images: no such folder {path!r}")
        names = (file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())
        self._names = sorted(n for n in names if is_image_name(n) and not is_side_file(n))
        if not self._names:
            raise FileNotFoundError(f"--images: no image below {path}; expected files of {', '.join(IMAGE_SUFFIXES)}")
        self._part_rows = part_rows
        self.num_rows = len(self._names)
        self.num_parts = -(-self.num_rows // part_rows)

    def inputs(self) -> list[dict[str, Any]]:
        """Return what identifies it in ``run.json``."""
        listing = hashlib.sha256()
        for name in self._names:
            listing.update(json.dumps([name, (self._root / name).stat().st_size]).encode())
        return [{"name": "images", "listing_sha256": listing.hexdigest()}]

    def part(self, number: int) -> Iterator[Item]:
        """Yield the items of part `number`, from 0."""
        for name in self._names[number * self._part_rows : (number + 1) * self._part_rows]:
            if (shown := utf8_name(name)) != name:
                yield Item(shown, fault=f"has {NO_UTF8}")
                continue
            try:
                yield Item(name, image=(self._root / name).read_bytes())
            except OSError as error:
                yield Item(name, fault=f"cannot be read: {error.strerror}")


class TextItems:
    """The lines of a file that are not empty."""

    has_images, has_texts = False, True

    def __init__(self, path: str, part_rows: int) -> None:
        """Read the file once. Raises FileNotFoundError, or ValueError for one without lines or of UTF-16."""
        self._path = path
        if not is_file(path):
            raise FileNotFoundError(f"--texts: no such file {path!r}")
        self._starts: list[tuple[int, int]] = []
        self.num_rows = 0
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                raise ValueError(f"--texts: {path}: expected UTF-8, found UTF-16; store it as UTF-8")
            file.seek(0)
            at = 0
            for number, line in enumerate(file, start=1):
                digest.update(line)
                if line.strip():
                    if self.num_rows % part_rows == 0:
                        self._starts.append((at, number))
                    self.num_rows += 1
                at += len(line)
        if not self.num_rows:
            raise ValueError(f"--texts: {path} has no line that is not empty")
        self._sha256, self._part_rows = digest.hexdigest(), part_rows
        self.num_parts = len(self._starts)

    def inputs(self) -> list[dict[str, Any]]:
        return [{"name": "texts", "sha256": self._sha256}]

    def part(self, number: int) -> Iterator[Item]:
        at, first_line = self._starts[number]
        rows = 0
        with open(self._path, "rb") as file:
            file.seek(at)
            for line_number, line in enumerate(file, start=first_line):
                line = line.removeprefix(b"\xef\xbb\xbf") if line_number == 1 else line
                if line.strip():
                    yield _text_item(line_number, line)
                    rows += 1
                if rows == self._part_rows:
                    return


def _text_item(number: int, line: bytes) -> Item:
    if len(line) > MAX_LINE_BYTES:
        return Item(str(number), fault=f"has {len(line):,} bytes; expected at most {MAX_LINE_BYTES:,}")
    try:
        return Item(str(number), caption=line.decode().strip())
    except UnicodeDecodeError as error:
        return Item(str(number), fault=f"is no UTF-8: {error.reason} at byte {error.start}")


@dataclass(frozen=True)
class _Part:
    first: int
    last: int


class ShardItems:
    """The samples of shards, in the order in which they are stored."""

    def __init__(self, path: str, part_rows: int, run: Folder, *, of: str, threads: int) -> None:
        """Find or make the index, which is kept in `run` once it is claimed (`open`)."""
        self._folders: list[ShardFolder] = open_folders([path])
        self._part_rows, self._run, self._threads = part_rows, run, threads
        self.has_images, self.has_texts = of != "texts", of != "images"
        self.num_parts = self.num_rows = 0
        self._parts: list[_Part] = []

    def inputs(self) -> list[dict[str, Any]]:
        return describe_inputs(self._folders)

    def open(self) -> None:
        """Cut the samples into parts of whole blocks."""
        prepare_indexes(self._folders, self._run, self._threads)
        self._data = open_data(self._folders, read_indexes(self._folders, self._run), seed=0, pool=1)
        self._read = BlockBytes(None, DEADLINE_S)
        sizes = self._data.sources[0].blocks.sizes
        ends = np.cumsum(sizes, dtype=np.int64)
        first = 0
        while first < len(sizes):
            before = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, before + self._part_rows, side="right")))
            self._parts.append(_Part(first, last))
            first = last
        self.num_parts, self.num_rows = len(self._parts), int(ends[-1])

    def part(self, number: int) -> Iterator[Item]:
        source = self._data.sources[0]
        for block_number in range(self._parts[number].first, self._parts[number].last):
            place = source.place(block_number)
            block, _ = self._data.open_block(self._read, 0, block_number)
            for sample in range(len(block)):
                whole_key = block.whole_key(sample)
                if (key := utf8_name(whole_key)) != whole_key:
                    yield Item(key, fault=f"has {NO_UTF8}")
                    continue
                if sample in block.faults:
                    yield Item(key, fault=block.faults[sample])
                    continue
                captions = captions_of(block.description(sample), block.text(sample))
                caption = captions[0] if captions else None
                if caption is None and not self.has_images:
                    yield Item(key, fault="has no caption")
                    continue
                at, size = block.image_place(sample)
                image = block.image(sample) if self.has_images else None
                yield Item(key, image, caption, Place(place.tar, place.begin + at, size))
            self._data.give_up_block(self._read, 0, block_number)


def open_items(images: str | None, texts: str | None, shards: str | None, part_rows: int, run: Folder, *, of: str,
               threads: int) -> ImageItems | TextItems | ShardItems:  # fmt: skip
    """Return what the options name; raises as the three classes do."""
    if images is not None:
        return ImageItems(images, part_rows)
    if texts is not None:
        return TextItems(texts, part_rows)
    assert shards is not None
    return ShardItems(shards, part_rows, run, of=of, threads=threads)
