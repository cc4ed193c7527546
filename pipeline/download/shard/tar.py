"""Reproducible tars by webdataset's `TarWriter`: the same samples give the same bytes, on any machine, at any time.

In: a file open for writing. Out: a writer of samples (dicts with ``__key__`` and the members' bytes by suffix), ustar,
owner 0 without a name, mode 0644, time 0.

The writer's module is loaded without its package, whose ``__init__`` imports torch: 1.2 s of CPU and 110 MiB a process.
Beneath it is a stream of our own in place of tarfile's, which copies and formats all fields of each header anew: two
thirds of the time that a shard takes to be written.
"""

import functools
import importlib
import importlib.util
import io
import sys
import tarfile
import types
from typing import Any

_ALONE = "webdataset_alone"
"""Name of the package without its ``__init__``: another one, so that who imports webdataset gets the whole of it."""

_NAME_BYTES = 100
"""Of a name that stands in one field of the header; a longer one is split by tarfile."""
_SIZE_DIGITS = 11
_SIZE, _CHECKSUM = slice(124, 124 + _SIZE_DIGITS), slice(148, 156)


class HeaderStream:
    """What `TarWriter` uses of a `tarfile.TarFile`: members of one mode and owner, without seeks."""

    def __init__(self, sink: Any) -> None:
        self.offset = 0
        self._sink = sink

    def addfile(self, member: tarfile.TarInfo, data: io.BytesIO) -> None:
        body = data.getvalue()
        padding = -len(body) % tarfile.BLOCKSIZE
        self._write(_header(member))
        self._write(body)
        if padding:
            self._write(bytes(padding))

    def close(self) -> None:
        """Write the end: two empty blocks, and as many as fill the last record."""
        end = self.offset + 2 * tarfile.BLOCKSIZE
        self._write(bytes(2 * tarfile.BLOCKSIZE + -end % tarfile.RECORDSIZE))

    def _write(self, data: bytes) -> None:
        self._sink.write(data)
        self.offset += len(data)


def open_tar(sink: Any) -> Any:
    """Return a `TarWriter` on `sink`, to be closed after the last sample.

    It sorts the members of a call: a sample whose members have another order is written by a call for each.
    """
    writer = _writer().TarWriter(sink, user="", group="", mode=0o644, mtime=0, encoder=False)
    writer.tarstream = HeaderStream(sink)  # tarfile's own has written nothing, and is not closed
    return writer


def position_of(tar: Any) -> int:
    """Return where the next header begins."""
    return int(tar.tarstream.offset)


def add_member(tar: Any, key: str, suffix: str, data: bytes) -> int:
    """Write a member of the sample `key`; return the offset of its bytes."""
    offset = position_of(tar) + tarfile.BLOCKSIZE
    tar.write({"__key__": key, suffix.removeprefix("."): data})
    return offset


def _header(member: tarfile.TarInfo) -> bytes:
    """Return the header: that of a member of the same fields with its name, size and sum (POSIX ustar) put in."""
    name = member.name.encode("utf-8", "surrogateescape")
    size = b"%0*o" % (_SIZE_DIGITS, member.size)
    if len(name) > _NAME_BYTES or len(size) > _SIZE_DIGITS:
        return member.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")
    template, its_sum = _template(member.mode, member.mtime, member.uname, member.gname)
    header = bytearray(template)
    header[: len(name)] = name
    header[_SIZE] = size
    header[_CHECKSUM] = b"%06o\0 " % (its_sum + sum(name) + sum(size))
    return bytes(header)


@functools.cache
def _template(mode: int, mtime: float, uname: str, gname: str) -> tuple[bytes, int]:
    """Return a header without name and size, and the sum of its bytes; of the sum's own they count as blanks."""
    member = tarfile.TarInfo("")
    member.mode, member.mtime, member.uname, member.gname = mode, mtime, uname, gname
    header = bytearray(member.tobuf(tarfile.USTAR_FORMAT))
    header[_SIZE] = bytes(_SIZE_DIGITS)
    header[_CHECKSUM] = b" " * 8
    return bytes(header), sum(header)


@functools.cache
def _writer() -> types.ModuleType:
    package = importlib.util.find_spec("webdataset")
    if package is None or package.submodule_search_locations is None:
        raise ModuleNotFoundError("webdataset is not installed", name="webdataset")
    alone = types.ModuleType(_ALONE)
    alone.__path__ = list(package.submodule_search_locations)
    sys.modules[_ALONE] = alone
    return importlib.import_module(f"{_ALONE}.writer")
