"""Cut dump files and article tables into units of work: files in, `DumpUnit` records out, and the reader of each.

The units depend on the files and on `unit_bytes` only, so any number of processes makes the same ones. Every page is
in exactly one unit: the one in whose range its ``<page>`` (or its row group) begins.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol

import fsspec
import numpy as np

from querygen.wiki.article_tables import PARQUET_MARK, ArticleTable, row_group_ranges
from querygen.wiki.bzip2.blocks import block_starts
from querygen.wiki.dump import DumpFile, Header, read_header
from querygen.wiki.page import Page, SiteInfo
from schemas.packed import packing
from schemas.public_url import base_name
from schemas.rejection import Rejection

TAIL_BYTES = 4 * 1024 * 1024
"""The end of a file that is looked at to place the start of its last unit."""
NUM_LAST_BLOCKS = 16
"""The last unit holds so many bzip2 blocks, so that it holds the whole of ``</mediawiki>`` (12 bytes)."""

_INDEX_NAME = re.compile(r"-multistream-index\d*\.txt(-p\d+p\d+)?(\.bz2)?$")


@dataclass(frozen=True, kw_only=True)
class DumpUnit:
    """A part of one input file, read by one process."""

    path: str
    name: str
    """The file in rejections: its name without folders."""
    packing: str
    """``plain``, ``bz2``, ``gz``, ``xz``, ``zst`` or ``parquet``."""
    start: int
    end: int
    """``[start, end)``: bytes of the file as it lies there; row groups of a Parquet file."""
    num_bytes: int
    """Bytes of the file that the unit stands for: what `open_pages` tells its `progress` in all."""
    is_first: bool
    is_last: bool
    """Whether it is the first, the last unit of its file."""
    header: Header
    """What the header of the file says."""


class PageReader(Protocol):
    """The pages of one unit; iterate once, the rest fills meanwhile."""

    site: SiteInfo
    rejections: list[Rejection]
    num_bytes: int
    """Uncompressed bytes of the unit: of XML, or of title and text."""

    def __iter__(self) -> Iterator[Page]: ...


def plan_units(paths: list[str], unit_bytes: int, note: Callable[[str], Any] = lambda text: None) -> list[DumpUnit]:
    """Return the units of all files, in order, each about `unit_bytes` of the file where the file can be cut.

    Plain XML, bzip2 and Parquet can be cut. `note` is told what the user should know, such as a file left out.
    Raises FileNotFoundError, and ValueError for a Parquet file that is no table of articles.
    """
    if unit_bytes < 1:
        raise ValueError(f"unit_bytes must be positive, found {unit_bytes}")
    units = []
    for path in paths:
        name = base_name(path.rstrip("/"))
        if _INDEX_NAME.search(name):
            note(f"{name}: left out, the index of a multistream dump is not needed")
        else:
            units += _plan_file(path, name, unit_bytes)
    return units


def open_pages(unit: DumpUnit, progress: Callable[[int], Any] = lambda num_bytes: None) -> PageReader:
    """Return the reader of `unit`; `progress` is told the bytes of the file read, `unit.num_bytes` in all."""
    if unit.packing == "parquet":
        return ArticleTable(unit.path, unit.name, unit.start, unit.end, unit.num_bytes, progress)
    end = None if unit.is_last else unit.end
    return DumpFile(unit.path, unit.name, progress, start=unit.start, end=end, header=unit.header)


def _plan_file(path: str, name: str, unit_bytes: int) -> list[DumpUnit]:
    filesystem, root = fsspec.core.url_to_fs(path)
    size = int(filesystem.size(root))
    header = Header()
    with fsspec.open(path, "rb") as raw:
        head = raw.read(6)
        kind = packing(head)
        if head.startswith(PARQUET_MARK):
            kind = "parquet"
            ranges = row_group_ranges(raw, path, size, unit_bytes)
        else:
            cuts = _cuts(raw, kind, size, unit_bytes)
            ranges = [(start, end, end - start) for start, end in zip([0, *cuts], [*cuts, size], strict=True)]
            header = read_header(path)
            if header.is_utf16:
                ranges = [(0, size, size)]
    return [
        DumpUnit(
            path=path,
            name=name,
            packing=kind,
            start=start,
            end=end,
            num_bytes=num_bytes,
            is_first=place == 0,
            is_last=place == len(ranges) - 1,
            header=header,
        )
        for place, (start, end, num_bytes) in enumerate(ranges)
    ]


def _cuts(raw: IO[bytes], kind: str, size: int, unit_bytes: int) -> list[int]:
    """Return where a file is cut, so that the last part holds ``</mediawiki>``, or the end of the last page, whole."""
    if kind not in ("plain", "bz2") or size <= unit_bytes:
        return []
    tail_start = max(0, size - TAIL_BYTES)
    raw.seek(tail_start)
    tail = raw.read()
    if kind == "bz2":
        starts = block_starts(np.frombuffer(tail, dtype=np.uint8))[-NUM_LAST_BLOCKS:]
        last = tail_start + int(starts[0]) if len(starts) else size
    else:
        found = max(tail.rfind(b"</mediawiki>"), tail.rfind(b"</page>"))
        last = tail_start + found if found >= 0 else size
    return list(range(unit_bytes, min(last + 1, size), unit_bytes))
