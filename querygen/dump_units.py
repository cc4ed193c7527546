"""Cut dump files into units of work: files in, `DumpUnit` records out, and the reader of each unit.

The units depend on the files and on `unit_bytes` only, so any number of processes makes the same ones. Every page is
in exactly one unit: the one in whose byte range its ``<page>`` begins.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import fsspec

from querygen.dump import DumpFile, Page, Rejection, SiteInfo

_INDEX_NAME = re.compile(r"-multistream-index\d*\.txt(-p\d+p\d+)?(\.bz2)?$")


@dataclass(frozen=True, kw_only=True)
class DumpUnit:
    """A part of one input file, read by one process."""

    path: str
    name: str
    """The file in rejections: its name without folders."""
    start: int
    end: int
    """The bytes ``[start, end)`` of the file as it lies there."""
    file_bytes: int
    site: SiteInfo
    """What the header of the file says."""

    @property
    def is_first(self) -> bool:
        """Whether this is the first unit of its file."""
        return self.start == 0

    @property
    def is_last(self) -> bool:
        """Whether this is the last unit of its file."""
        return self.end == self.file_bytes


class PageReader(Protocol):
    """The pages of one unit; iterate once, the rest fills meanwhile."""

    site: SiteInfo
    rejections: list[Rejection]
    num_bytes: int

    def __iter__(self) -> Iterator[Page]: ...


def plan_units(paths: list[str], unit_bytes: int, note: Callable[[str], Any] = lambda text: None) -> list[DumpUnit]:
    """Return the units of all files, in order, each about `unit_bytes` of the file where the file can be cut.

    `note` is told what the user should know, such as a file left out. Raises FileNotFoundError.
    """
    units = []
    for path in paths:
        name = path.rstrip("/").rsplit("/", 1)[-1]
        if _INDEX_NAME.search(name):
            note(f"{name}: left out, the index of a multistream dump is not needed")
            continue
        filesystem, root = fsspec.core.url_to_fs(path)
        size = int(filesystem.size(root))
        units.append(DumpUnit(path=path, name=name, start=0, end=size, file_bytes=size, site=SiteInfo()))
    return units


def open_pages(unit: DumpUnit, progress: Callable[[int], Any] = lambda num_bytes: None) -> PageReader:
    """Return the reader of `unit`; `progress` is told the bytes of the unit as they are read."""
    return DumpFile(unit.path, unit.name, progress)
