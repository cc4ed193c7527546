"""A folder of images with ``.txt`` or ``.json`` beside each, or with class folders as captions.

Every file below it is an image, the text of one, or counted as dropped.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa

from pipeline.sources.config import SourceOptions
from pipeline.sources.images.captions import TEXT_SUFFIXES, Caption, SideTexts, UnreadableText, read_side_texts
from pipeline.sources.images.local_pairs import LocalPairs
from pipeline.sources.source import (
    MAX_CELL_BYTES,
    Broken,
    Dropped,
    FileChanged,
    InputFile,
    InputSplit,
    Noted,
    is_unicode,
)
from schemas.image_files import IMAGE_SUFFIXES, is_image_name
from schemas.side_files import is_side_file

SPLIT_IMAGES = 5_000
READ_PAIRS = 10_000

SIDE_FILE, OTHER_FILE, TEXT_WITHOUT_IMAGE = "side_file", "other_file", "text_without_image"
"""Why a file is dropped; an other file has a suffix that neither images nor their texts have."""


@dataclass(frozen=True)
class ImageListing:
    """What lies below a folder."""

    files: list[InputFile]
    """The images and their texts, each image next to its own."""
    passed_over: tuple[tuple[str, int], ...]
    """How many other files there are, by reason."""


def list_images(root: str) -> ImageListing:
    """List the folder `root`, an absolute path or a URL. Raises ValueError when it has files, and no image."""
    fs, path = fsspec.core.url_to_fs(root)
    path = path.rstrip("/")
    infos = fs.find(path, detail=True)
    names, passed_over = _records(name[len(path) + 1 :] for name in infos)
    if not names and passed_over:
        told = ", ".join(f"{count} {reason}" for reason, count in passed_over)
        raise ValueError(
            f"{root}: no image in {len(infos)} files ({told}); images are named {', '.join(IMAGE_SUFFIXES)}"
        )
    files = [InputFile(root, name, int(infos[f"{path}/{name}"]["size"] or 0)) for name in names]
    return ImageListing(files, passed_over)


class ImageFolder:
    """One input root with images anywhere below it."""

    files_beside: tuple[InputFile, ...] = ()

    def __init__(self, root: str, listing: ImageListing, root_name: str, options: SourceOptions) -> None:
        self.root_name = root_name
        self.extra = pa.struct([(name, pa.string()) for name in options.extra_columns])
        self.open_columns = frozenset(options.extra_columns)
        self._column, self._by_line = options.caption_column, options.captions == "lines"
        self._fs, self._root = fsspec.core.url_to_fs(root)
        self._root = self._root.rstrip("/")
        self._url = root
        self._listing = listing

    def __getstate__(self) -> dict[str, Any]:
        """Go to the workers without the list of all files."""
        return {**self.__dict__, "_listing": ImageListing([], ())}

    def splits(self) -> list[InputSplit]:
        files = self._listing.files
        found: list[InputSplit] = []
        members: list[InputFile] = []
        num_images = row = 0
        for position, file in enumerate(files):
            members.append(file)
            num_images += is_image_name(file.name)
            last = position == len(files) - 1
            if last or (num_images >= SPLIT_IMAGES and _by_stem(files[position + 1].name)[0] != _by_stem(file.name)[0]):
                split = InputSplit(
                    len(found),
                    self._url,
                    "",
                    first_row=row,
                    members=tuple(member.name for member in members),
                    member_bytes=tuple(member.num_bytes or 0 for member in members),
                    passed_over=() if found else self._listing.passed_over,
                )
                found.append(split)
                row += num_images
                members, num_images = [], 0
        return found

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken | Dropped | Noted]:
        yield from (Dropped(reason, count) for reason, count in split.passed_over)
        beside = {_by_stem(name): name for name in split.members if name.lower().endswith(TEXT_SUFFIXES)}
        images = [name for name in split.members if is_image_name(name)]
        sizes = dict(zip(split.members, split.member_bytes, strict=True))
        pairs = LocalPairs(self.extra)
        for position, name in enumerate(images):
            row = split.first_row + position
            if not is_unicode(name):
                yield Broken("name_not_utf8", row, name.encode("utf-8", "surrogateescape"))
                continue
            stem = _by_stem(name)[0]
            try:
                texts = self._texts({suffix: beside.get((stem, suffix)) for suffix in TEXT_SUFFIXES}, sizes)
            except UnreadableText as error:
                yield Broken(error.reason, row, name)
                continue
            captions = texts.captions if texts is not None else [_class_name(name)]
            reference = {"root": self.root_name, "member": name, "offset": None, "length": None}
            record = texts.record if texts is not None else {}
            yield from pairs.add(row, row, reference, captions or [Caption(None, "txt")], record)
            if len(pairs) >= READ_PAIRS:
                yield pairs.take()
        if len(pairs):
            yield pairs.take()
        yield from pairs.noted()

    def _texts(self, beside: dict[str, str | None], sizes: dict[str, int]) -> SideTexts | None:
        """Return what the files beside an image say, None when there is none.

        Raises `UnreadableText`, and `FileChanged` for one of another size than in `sizes`, if that is known.
        """
        found: dict[str, bytes] = {}
        for suffix, name in beside.items():
            if name is not None:
                try:
                    with self._fs.open(f"{self._root}/{name}", "rb") as raw:
                        found[suffix] = raw.read(MAX_CELL_BYTES + 1)
                except OSError as error:
                    raise UnreadableText(suffix, "member_unreadable") from error
                if sizes[name] and len(found[suffix]) != min(sizes[name], MAX_CELL_BYTES + 1):
                    raise FileChanged(f"{self._url}/{name}", len(found[suffix]), sizes[name])
        return read_side_texts(found, self._column, self._by_line) if found else None


def _records(names: Iterable[str]) -> tuple[list[str], tuple[tuple[str, int], ...]]:
    """Return the images and their texts, each image next to its own, and how many other files there are by reason."""
    images: list[str] = []
    texts: list[str] = []
    others: Counter[str] = Counter()
    for name in names:
        if is_side_file(name):
            others[SIDE_FILE] += 1
        elif is_image_name(name):
            images.append(name)
        elif name.lower().endswith(TEXT_SUFFIXES):
            texts.append(name)
        else:
            others[OTHER_FILE] += 1
    stems = {_by_stem(name)[0] for name in images}
    beside = {_by_stem(name): name for name in sorted(texts) if _by_stem(name)[0] in stems}
    if len(beside) < len(texts):  # also a.TXT beside a.txt
        others[TEXT_WITHOUT_IMAGE] = len(texts) - len(beside)
    return sorted([*images, *beside.values()], key=_by_stem), tuple(sorted(others.items()))


def _class_name(name: str) -> Caption:
    """Return the name of the folder that an image lies in."""
    return Caption(name.split("/")[-2].replace("_", " ") if "/" in name else None, "folder_name")


def _by_stem(name: str) -> tuple[str, str]:
    """Return (path without suffix, suffix in lower case): sorts an image next to its text."""
    stem, suffix = os.path.splitext(name)
    return stem, suffix.lower()
