"""WebDataset shards: images already there, referred to by their byte range in the tar.

A tar is one split, however large: only a member's header tells where the next one is, and finding headers by their
checksums in mid file would let a picture that holds one forge samples. So cutting takes reading every header, and
that is nearly all the work there is: pictures are stepped over, only headers and captions are read.
"""

import tarfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.sources.captions import TEXT_SUFFIXES, caption_in
from pipeline.sources.input_file import open_input
from pipeline.sources.source import (
    BROKEN_DATA,
    MAX_CELL_BYTES,
    Broken,
    Dropped,
    InputSplit,
    first_line,
    is_unicode,
    raw_schema,
)
from pipeline.sources.whole_files import WholeFiles
from schemas.image_files import IMAGE_SUFFIXES
from schemas.tar_samples import KEY_RULE, TarMember, TarSample, TarSamples

READ_SAMPLES = 10_000

MAX_HELD_SAMPLES = 50_000
"""Samples without an image or a caption that wait for the rest of their members, about 30 MB of one tar."""


class _Held(NamedTuple):
    """A sample that lacks its image or its caption, until the end of the tar or until the rest of it is found."""

    names: str
    offset: int
    row: dict[str, Any] | Broken


class WebDataset(WholeFiles):
    """A glob of plain (not compressed) tar shards. A sample is the members of one key, next to each other."""

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken | Dropped]:
        rows: list[dict[str, Any]] = []
        for row in self._rows(split):
            if not isinstance(row, dict):
                yield row
                continue
            rows.append(row)
            if len(rows) == READ_SAMPLES:
                yield pa.Table.from_pylist(rows, schema=raw_schema(None))
                rows = []
        if rows:
            yield pa.Table.from_pylist(rows, schema=raw_schema(None))

    def _rows(self, split: InputSplit) -> Iterator[dict[str, Any] | Broken | Dropped]:
        """Yield one row or rejection for each sample. Those that lack a part come last: it may stand further on."""
        held: dict[str, _Held] = {}
        number = 0
        for sample in _samples(split):
            if isinstance(sample, Broken | Dropped):
                yield sample
                continue
            row = self._pair(split, sample)
            if isinstance(row, dict):
                row["source_row"] = number
            number += 1
            first = held.pop(sample.key, None) if isinstance(row, Broken) and row.reason == "members_apart" else None
            if first is not None:  # one rejection for both
                yield Broken("members_apart", first.offset, _apart(f"{first.names} and {sample.names()}", sample.key))
            elif _lacks_a_part(row) and len(held) < MAX_HELD_SAMPLES and not sample.seen_before:
                held[sample.key] = _Held(sample.names(), sample.offset, row)
            else:
                yield row
        yield from (lacking.row for lacking in held.values())

    def _pair(self, split: InputSplit, sample: TarSample) -> dict[str, Any] | Broken:
        """Return the columns of a sample's pair, or what is wrong with the sample."""
        caption, text_source = None, "txt"
        image: TarMember | None = None
        for member in sample.members:
            if not is_unicode(member.name):
                return Broken("name_not_utf8", member.offset, member.name.encode("utf-8", "surrogateescape"))
            if member.suffix in IMAGE_SUFFIXES:
                if image is not None and image.suffix == member.suffix:
                    return Broken("key_repeated", member.offset, member.name)
                image = image or member  # the first image counts: a mask may lie beside it under another suffix
            elif member.suffix in TEXT_SUFFIXES and (member.suffix == ".txt" or caption is None):
                try:
                    found = caption_in(member.suffix, sample.texts[member.suffix])
                except ValueError as error:
                    wrong = "caption_not_utf8" if isinstance(error, UnicodeError) else "member_unreadable"
                    return Broken(wrong, member.offset, member.name)
                if found is not None:
                    caption, text_source = found, member.suffix[1:]
        if sample.seen_before and image is not None and caption is not None:
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
        return {"image_ref": reference, "caption": caption, "text_source": text_source}


def _lacks_a_part(row: dict[str, Any] | Broken) -> bool:
    return row.reason == "image_missing" if isinstance(row, Broken) else row["caption"] is None


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
        with open_input(split.path) as raw:
            samples = TarSamples(raw, TEXT_SUFFIXES, MAX_CELL_BYTES + 1)
            for last in samples:
                yield last
            if not samples.is_whole:
                yield Broken("file_truncated", samples.end, split.name)
    except (tarfile.TarError, *BROKEN_DATA) as error:
        reason = "file_truncated" if last is not None else "file_unreadable"
        yield Broken(reason, last.offset if last else 0, f"{type(error).__name__}: {first_line(error)}")
    for reason, count in sorted(samples.passed_over.items()) if samples is not None else ():
        yield Dropped(reason, count)
