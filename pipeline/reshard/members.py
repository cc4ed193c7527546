"""The files of samples out of finished tars: a read a sample, each compared with the header before it."""

import tarfile
from collections import OrderedDict
from contextlib import ExitStack
from typing import IO, Any

from pipeline.reshard.inputs import SourceTable
from schemas.storage import Folder

OPEN_TARS = 16
"""Kept open at once: a shuffled tar takes its samples from many."""


class SampleReader:
    """Reads samples of any of some tars; use it as a context, which closes them."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[ExitStack, IO[bytes]]] = OrderedDict()

    def __enter__(self) -> "SampleReader":
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1][0].close()

    def read(self, source: SourceTable, key: str, members: list[dict[str, Any]]) -> dict[str, bytes]:
        """Return the bytes of each member by suffix, in the order of the tar.

        Raises ValueError that names the tar when the sample is not where its table says.
        """
        assert source.tar is not None
        raw, where = self._tar(source), f"{source.folder}/{source.tar.name}"
        begin = min(member["offset"] for member in members) - tarfile.BLOCKSIZE
        end = max(member["offset"] + member["bytes"] for member in members)
        if not 0 <= begin <= end <= source.tar.bytes:
            raise _damaged(where, key, begin)
        raw.seek(begin)
        data = raw.read(end - begin)
        found = {}
        for member in members:
            at = member["offset"] - begin
            name = f"{key}{member['suffix']}".encode() + b"\0"
            head = at - tarfile.BLOCKSIZE
            if data[head : head + len(name)] != name or len(data) < at + member["bytes"]:
                raise _damaged(where, key, member["offset"])
            found[member["suffix"]] = data[at : at + member["bytes"]]
        return found

    def _tar(self, source: SourceTable) -> IO[bytes]:
        assert source.tar is not None
        name = f"{source.folder}/{source.tar.name}"
        if name not in self._open:
            if len(self._open) >= OPEN_TARS:
                self._open.popitem(last=False)[1][0].close()
            folder, stack = Folder(source.folder), ExitStack()
            folder.check_recorded(source.tar, folder.size(source.tar.name))
            self._open[name] = stack, stack.enter_context(folder.open(source.tar.name))
        self._open.move_to_end(name)
        return self._open[name][1]


def _damaged(where: str, key: str, offset: int) -> ValueError:
    return ValueError(
        f"{where}: expected the sample {key!r} at byte {offset}, where its table says, found other bytes; the tar was "
        "changed or damaged, restore it or make its folder again"
    )
