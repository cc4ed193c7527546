"""Bytes as a part of an open file, as tars are read."""

import os

from schemas.file_part import FilePart, OpenFile


def part_of(data: bytes, where: str = "a.tar", before: bytes = b"") -> FilePart:
    """Return `data` as a part of a file in memory, with `before` in front of it."""
    file = OpenFile(os.memfd_create("part"))
    with open(file.fileno(), "wb", closefd=False) as sink:
        sink.write(before + data)
    return FilePart(file, len(before), len(before) + len(data), where)
