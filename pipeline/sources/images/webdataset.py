"""WebDataset shards: images already there, referred to by their byte range in the tar.

A tar is one split, however large: only a member's header tells where the next one is, and finding headers by their
checksums in mid file would let a picture that holds one forge samples. So cutting takes reading every header, and
that is nearly all the work there is: pictures are stepped over, only headers and captions are read.
"""

import tarfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.sources.config import SourceOptions
from pipeline.sources.files.input_file import open_input
from pipeline.sources.images.captions import TEXT_SUFFIXES, Caption, SideTexts, UnreadableText, read_side_texts
from pipeline.sources.images.local_pairs import LocalPairs, is_ours
from pipeline.sources.source import (
    BROKEN_DATA,
    MAX_CELL_BYTES,
    Broken,
    Dropped,
    InputFile,
    InputSplit,
    Noted,
    WholeFiles,
    first_line,
    is_unicode,
)
from schemas.further_captions import further_captions_by_key
from schemas.image_files import IMAGE_SUFFIXES
from schemas.shards_folder import further_captions
from schemas.storage import Folder
from schemas.tar_samples import KEY_RULE, TarMember, TarSample, TarSamples

READ_PAIRS = 10_000

MAX_HELD_SAMPLES = 50_000
"""Samples without an image or a caption that wait for the rest of their members, about 30 MB of one tar."""


class _Pairs(NamedTuple):
    """What one sample is: an image with its captions."""

    number: int
    offset: int
    key: str
    reference: dict[str, Any]
    texts: SideTexts


class _Held(NamedTuple):
    """A sample that lacks its image or its caption, until the end of the tar or until the rest of it is found."""

    names: str
    offset: int
    found: _Pairs | Broken


class WebDataset(WholeFiles):
    """A glob of plain (not compressed) tar shards. A sample is the members of one key, next to each other."""

    def __init__(self, files: Sequence[InputFile], root_name: str, options: SourceOptions) -> None:
        super().__init__(files, root_name)
        self.extra = pa.struct([(name, pa.string()) for name in options.extra_columns])
        self.open_columns = frozenset(options.extra_columns)
        self._column, self._by_line = options.caption_column, options.captions == "lines"
        folders = sorted(
            {(file.path.rpartition("/")[0], file.name.removesuffix(file.path.rpartition("/")[2])) for file in files}
        )
        self.files_beside = tuple(
            InputFile(f"{folder}/{name}", f"{prefix}{name}", size)
            for folder, prefix in folders
            for name, size in _further_captions_in(folder)
        )
        self._folders = tuple(folder for folder, _ in folders) if self.files_beside else ()

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken | Dropped | Noted]:
        pairs = LocalPairs(self.extra)
        for found in self._found(split):
            if not isinstance(found, _Pairs):
                yield found
                continue
            captions = self._with_further(found) or [Caption(None, "txt")]
            yield from pairs.add(found.number, found.offset, found.reference, captions, found.texts.record)
            if len(pairs) >= READ_PAIRS:
                yield pairs.take()
        if len(pairs):
            yield pairs.take()
        yield from pairs.noted()

    def _with_further(self, found: _Pairs) -> list[Caption]:
        """Return the captions of a sample; of our own shards also those that a refill selected for it later."""
        if not self._folders or not is_ours(found.texts.record):
            return found.texts.captions
        further = _further_captions(self._folders).get(found.key, [])
        return found.texts.captions + [Caption(text, "json") for text in further]

    def _found(self, split: InputSplit) -> Iterator[_Pairs | Broken | Dropped]:
        """Yield the pairs or a rejection of each sample. Those that lack a part come last: it may stand further on."""
        held: dict[str, _Held] = {}
        number = 0
        for sample in _samples(split):
            if isinstance(sample, Broken | Dropped):
                yield sample
                continue
            found = self._pairs(split, sample, number)
            number += 1
            first = held.pop(sample.key, None) if _is_apart(found) else None
            if first is not None:  # one rejection for both
                yield Broken("members_apart", first.offset, _apart(f"{first.names} and {sample.names()}", sample.key))
            elif _lacks_a_part(found) and len(held) < MAX_HELD_SAMPLES and not sample.seen_before:
                held[sample.key] = _Held(sample.names(), sample.offset, found)
            else:
                yield found
        yield from (lacking.found for lacking in held.values())

    def _pairs(self, split: InputSplit, sample: TarSample, number: int) -> _Pairs | Broken:
        """Return the pairs of a sample, or what is wrong with it."""
        image: TarMember | None = None
        for member in sample.members:
            if not is_unicode(member.name):
                return Broken("name_not_utf8", member.offset, member.name.encode("utf-8", "surrogateescape"))
            if member.suffix in IMAGE_SUFFIXES:
                if image is not None and image.suffix == member.suffix:
                    return Broken("key_repeated", member.offset, member.name)
                image = image or member  # the first image counts: a mask may lie beside it under another suffix
        try:
            texts = read_side_texts(sample.texts, self._column, self._by_line)
        except UnreadableText as error:
            member = next(member for member in sample.members if member.suffix == error.suffix)
            return Broken(error.reason, member.offset, member.name)
        if sample.seen_before and image is not None and texts.captions:
            return Broken("key_repeated", sample.offset, f"{sample.names()}: another sample has this key")
        if sample.seen_before:
            return Broken("members_apart", sample.offset, _apart(sample.names(), sample.key))
        if image is None:
            return Broken("image_missing", sample.offset, f"{_without_image(sample)}; {KEY_RULE}")
        reference = {
            "root": self.root_name,
            "member": f"{split.name}/{image.name}",
            "offset": image.offset,
            "length": image.size,
        }
        return _Pairs(number, sample.offset, sample.key.rpartition("/")[2], reference, texts)


def _further_captions_in(folder: str) -> list[tuple[str, int]]:
    """Return the tables of further captions in a folder of tars, with sizes (not of a web server: it lists none)."""
    if folder.startswith(("http://", "https://")):
        return []
    found = Folder(folder)
    return [(name, found.size(name)) for _, name in further_captions(found)]


@lru_cache(maxsize=1)
def _further_captions(folders: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the further captions of all folders by key, loaded once per process."""
    return further_captions_by_key(map(Folder, folders))


def _is_apart(found: _Pairs | Broken) -> bool:
    return isinstance(found, Broken) and found.reason == "members_apart"


def _lacks_a_part(found: _Pairs | Broken) -> bool:
    return found.reason == "image_missing" if isinstance(found, Broken) else not found.texts.captions


def _apart(names: str, key: str) -> str:
    return f"{names}: members of the key {key!r} stand apart in the tar; {KEY_RULE}"


def _without_image(sample: TarSample) -> str:
    suffixes = ", ".join(dict.fromkeys(member.suffix for member in sample.members[:4]))
    return f"{sample.names()}: the key is {sample.key!r}, and none of the suffixes {suffixes} is an image's"


def _samples(split: InputSplit) -> Iterator[TarSample | Broken | Dropped]:
    """Yield the samples of a tar, and what is wrong with it; a damaged tar gives the samples before the damage."""
    last: TarSample | None = None
    samples: TarSamples | None = None
    try:
        with open_input(split.path, split.file_bytes) as raw:
            samples = TarSamples(raw, TEXT_SUFFIXES, MAX_CELL_BYTES + 1)
            for last in samples:
                yield last
            if not samples.is_whole:
                place = samples.end if samples.damaged_at < 0 else samples.damaged_at
                yield Broken("file_truncated", place, split.name)
    except (tarfile.TarError, *BROKEN_DATA) as error:
        reason = "file_truncated" if last is not None else "file_unreadable"
        yield Broken(reason, last.offset if last else 0, f"{type(error).__name__}: {first_line(error)}")
    for reason, count in sorted(samples.passed_over.items()) if samples is not None else ():
        yield Dropped(reason, count)
