"""WebDataset shards: images already there, referred to by their byte range in the tar.

A tar is one split, however large: only a member's header tells where the next one is, and finding headers by their
checksums in mid file would let a picture that holds one forge samples. So cutting takes reading every header, and
that is nearly all the work there is: pictures are stepped over, only headers and captions are read.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import pyarrow as pa

from pipeline.sources.captions import IMAGE_SUFFIXES, TEXT_SUFFIXES, caption_in
from pipeline.sources.input_file import open_input
from pipeline.sources.source import BROKEN_DATA, MAX_CELL_BYTES, Broken, InputSplit, first_line, is_unicode, raw_schema
from pipeline.sources.whole_files import WholeFiles

READ_SAMPLES = 10_000


@dataclass
class _Sample:
    """The members of one key, while they are read."""

    key: tuple[str, str]
    offset: int
    image: dict[str, Any] | None = None
    caption: str | None = None
    text_source: str = "txt"
    broken: list[Broken] = field(default_factory=list)


class WebDataset(WholeFiles):
    """A glob of plain (not compressed) tar shards. A sample is the members of one key, next to each other."""

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken]:
        rows: list[dict[str, Any]] = []
        number = 0
        for sample in self._samples(split):
            if isinstance(sample, Broken):
                yield sample
                continue
            if sample.broken:
                yield sample.broken[0]  # one rejection per sample
            elif sample.image is None:
                yield Broken("image_missing", sample.offset, "/".join(sample.key))
            else:
                rows.append(
                    {
                        "image_ref": sample.image,
                        "caption": sample.caption,
                        "text_source": sample.text_source,
                        "source_row": number,
                    }
                )
            number += 1
            if len(rows) == READ_SAMPLES:
                yield pa.Table.from_pylist(rows, schema=raw_schema(None))
                rows = []
        if rows:
            yield pa.Table.from_pylist(rows, schema=raw_schema(None))

    def _samples(self, split: InputSplit) -> Iterator[_Sample | Broken]:
        """Yield the samples of a tar, and what is wrong with it; a damaged tar gives the samples before the damage."""
        sample: _Sample | None = None
        try:
            with open_input(split.path) as raw:
                size = raw.seek(0, 2)
                raw.seek(0)
                with tarfile.open(fileobj=raw, mode="r:", errors="surrogateescape") as tar:
                    while (member := tar.next()) is not None:
                        tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps a kilobyte of each
                        if not member.isfile():
                            continue
                        folder, _, base = member.name.removeprefix("./").rpartition("/")
                        stem, dot, suffix = base.partition(".")  # webdataset cuts a name at the first dot
                        if sample is None or sample.key != (folder, stem):
                            if sample is not None:
                                yield sample
                            sample = _Sample((folder, stem), member.offset)
                        if member.offset_data + member.size <= size:
                            self._add(sample, split, tar, member, (dot + suffix).lower())
                    if sample is not None:
                        yield sample
                        sample = None
                    if not _ends_as_a_tar(raw, tar.offset):
                        yield Broken("file_truncated", tar.offset, split.name)
        except (tarfile.TarError, *BROKEN_DATA) as error:
            if sample is not None:
                yield sample  # what came before the damage
            reason = "file_truncated" if sample is not None else "file_unreadable"
            yield Broken(reason, sample.offset if sample else 0, f"{type(error).__name__}: {first_line(error)}")

    def _add(
        self, sample: _Sample, split: InputSplit, tar: tarfile.TarFile, member: tarfile.TarInfo, suffix: str
    ) -> None:
        """Take one member into its sample."""
        if not is_unicode(member.name):
            value = member.name.encode("utf-8", "surrogateescape")
            sample.broken.append(Broken("name_not_utf8", member.offset, value))
        elif suffix in IMAGE_SUFFIXES:
            if sample.image is not None:  # the first image counts: a mask may lie beside it under another suffix
                if sample.image["member"].endswith(suffix):
                    sample.broken.append(Broken("key_repeated", member.offset, member.name))
                return
            sample.image = {
                "root": self.root_name,
                "member": f"{split.name}/{member.name.removeprefix('./')}",
                "offset": member.offset_data,
                "length": member.size,
            }
        elif suffix in TEXT_SUFFIXES and (suffix == ".txt" or sample.caption is None):
            body = tar.extractfile(member)
            try:
                text = caption_in(suffix, body.read(MAX_CELL_BYTES + 1) if body else b"")
            except ValueError as error:
                wrong = "caption_not_utf8" if isinstance(error, UnicodeError) else "member_unreadable"
                sample.broken.append(Broken(wrong, member.offset, member.name))
                return
            if text is not None:
                sample.caption, sample.text_source = text, suffix[1:]


def _ends_as_a_tar(raw: IO[bytes], offset: int) -> bool:
    """Tell whether the block of zeros that ends an archive lies at `offset`: tarfile takes damage for the end."""
    raw.seek(offset)
    block = raw.read(tarfile.BLOCKSIZE)
    return len(block) == tarfile.BLOCKSIZE and not any(block)
