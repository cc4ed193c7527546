"""The row of one tar in the index: the one walker, for `pipeline index` and for a trainer's first use.

In: a tar on any file system, and what lies beside it. Out: its row (`schemas/shard_index.py`), checked against the
sidecars that img2dataset and `pipeline download` write.
"""

import io
import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO

import pyarrow as pa

from schemas.checked import first_line
from schemas.file_part import FilePart
from schemas.shard_index import index_row
from schemas.shards_folder import STATS_SUFFIX, TAR_SUFFIX
from schemas.storage import UNKNOWN_SIZE, Folder
from schemas.tar_contents import read_contents
from schemas.tar_listing import file_marks
from schemas.tar_sidecars import check_sidecars

logger = logging.getLogger(__name__)

PIECE_BYTES = 16 << 20
"""Of a tar elsewhere, a request."""
PAUSES_S = (0.5, 2.0, 8.0)
"""Before a request that failed is made again."""


@dataclass(frozen=True)
class TarToIndex:
    """A tar of a folder."""

    folder: str
    """Its URL."""
    name: str
    bytes: int
    """`UNKNOWN_SIZE` where the listing tells none."""
    has_stats: bool
    """``NAME_stats.json`` lies beside it."""
    mark: str
    """Another one when it was written again."""


def tars_to_index(folder: Folder, sizes: Mapping[str, int]) -> list[TarToIndex]:
    """Return the tars of `folder`, by name; it is told where some have counts beside them and some have none."""
    stats, marks = set(folder.names(suffix=STATS_SUFFIX)), file_marks(folder)
    tars = [
        TarToIndex(
            folder.url, name, size, f"{name.removesuffix(TAR_SUFFIX)}{STATS_SUFFIX}" in stats, marks.get(name, "")
        )
        for name, size in sizes.items()
    ]
    counted = next((tar.name for tar in tars if tar.has_stats), "")
    plain = next((tar.name for tar in tars if not tar.has_stats), "")
    if counted and plain:
        logger.warning(
            "%s: shards of two kinds are mixed: %s has a %s beside it, %s has none and is held against nothing",
            folder.url, counted, f"{counted.removesuffix(TAR_SUFFIX)}{STATS_SUFFIX}", plain,
        )  # fmt: skip
    return tars


def tar_row(tar: TarToIndex, folder: Folder) -> pa.Table:
    """Return the row of one tar. One of another machine is copied to a temporary file: memory does not grow with it.

    Raises ValueError that names the tar for bytes that are no tar, a key that two samples have, or sidecars of another
    tar; FileNotFoundError or OSError for one that is gone or does not come.
    """
    if folder.local:
        with folder.open(tar.name) as raw:
            return _row(raw, tar, folder)
    with tempfile.TemporaryFile(prefix="webimagetext-") as copy:
        _copy(folder, tar, copy)
        copy.flush()
        return _row(copy, tar, folder)


def _row(raw: IO[bytes], tar: TarToIndex, folder: Folder) -> pa.Table:
    where = folder.path(tar.name)
    part = FilePart(raw, 0, raw.seek(0, io.SEEK_END), where)
    contents = read_contents(part)
    if contents.damaged_at >= 0:
        logger.warning(
            "%s is damaged: at byte %d stands no header of a member; %d samples before it and behind it are used",
            where, contents.damaged_at, len(contents.samples),
        )  # fmt: skip
    elif not contents.is_whole:
        logger.warning("%s is cut off or damaged after %d samples; the rest is left out", where, len(contents.samples))
    row = index_row(tar.name, contents, part)
    if tar.has_stats:
        check_sidecars(folder, tar.name, contents, part)
    return row


def _copy(folder: Folder, tar: TarToIndex, copy: IO[bytes]) -> None:
    """Copy a tar in requests of `PIECE_BYTES`; one of unknown size as a stream, from its beginning at each try."""
    path = folder.path(tar.name)

    def copy_stream() -> None:
        copy.seek(0)
        copy.truncate()
        with folder.fs.open(path, "rb", block_size=0) as raw:
            while piece := raw.read(PIECE_BYTES):
                copy.write(piece)

    def copy_piece(begin: int, end: int) -> None:
        piece = folder.fs.cat_file(path, start=begin, end=end)
        if len(piece) != end - begin:
            raise OSError(f"{len(piece)} bytes came of {begin} to {end}")
        copy.write(piece)

    if tar.bytes == UNKNOWN_SIZE:
        _tried(copy_stream, path)
        return
    for begin in range(0, tar.bytes, PIECE_BYTES):
        _tried(partial(copy_piece, begin, min(tar.bytes, begin + PIECE_BYTES)), path)


def _tried(read: Callable[[], None], where: str) -> None:
    """Call `read`, again after `PAUSES_S`. Raises OSError that names `where` when it fails each time."""
    for pause in (*PAUSES_S, None):
        try:
            return read()
        except (FileNotFoundError, PermissionError):
            raise
        except Exception as error:  # each file system has its own kinds; what they mean is in the message
            if pause is None:
                raise OSError(f"{where}: {type(error).__name__}: {first_line(error)}; run the command again") from error
            time.sleep(pause)
    return None
