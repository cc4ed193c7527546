"""Rows of a checkpoint's tensors, read where they lie; the bytes that were read are checked before they are used."""

import hashlib
from collections.abc import Iterator, Mapping

import torch

from schemas.storage import Folder
from trainer.saving.shard_index import Piece, Stored
from trainer.saving.tensor_file import DTYPES
from trainer.saving.written_files import DamagedFile


def read_all(folder: Folder, tensors: Mapping[str, Stored]) -> dict[str, torch.Tensor]:
    """Return all rows of all these tensors of `folder`, in host memory. Raises as `read_rows`."""
    return {name: read_rows(folder, name, stored) for name, stored in tensors.items()}


def read_rows(folder: Folder, name: str, stored: Stored, start: int = 0, stop: int | None = None) -> torch.Tensor:
    """Return rows [start, stop) of the tensor `name`, all of them by default, in host memory.

    A piece is read whole where its SHA-256 is known, else no byte but what is asked for. Raises FileNotFoundError or
    `DamagedFile` that names the file.
    """
    stop = stored.num_rows if stop is None else stop
    rows = [_piece_rows(folder, name, stored, piece, start, stop) for piece in _overlapping(stored, start, stop)]
    if sum(len(part) for part in rows) != stop - start:
        raise DamagedFile(f"{folder.url}: rows of {name} are missing: expected {stop - start} from {start} on")
    if not rows:
        return torch.empty((0, *stored.shape[1:]), dtype=DTYPES[stored.dtype])
    joined = rows[0] if len(rows) == 1 else torch.cat(rows)
    return joined if stored.shape else joined[0]


def _overlapping(stored: Stored, start: int, stop: int) -> Iterator[Piece]:
    return (piece for piece in stored.pieces if piece.first_row < stop and start < piece.first_row + piece.rows)


def _piece_rows(folder: Folder, name: str, stored: Stored, piece: Piece, start: int, stop: int) -> torch.Tensor:
    """Return the rows of a piece that are within [start, stop), ``[rows, ...]``."""
    first = max(start - piece.first_row, 0)
    last = min(stop - piece.first_row, piece.rows)
    row_bytes = (piece.end - piece.begin) // piece.rows
    begin, end = piece.begin, piece.end
    if not piece.sha256:
        begin, end = piece.begin + first * row_bytes, piece.begin + last * row_bytes
    path = folder.path(piece.file)
    data = bytearray(folder.fs.cat_file(path, begin, end)) if end > begin else bytearray()
    if len(data) != end - begin:
        raise DamagedFile(
            f"{path}: expected {end - begin} bytes of {name} from {begin} on, found {len(data)}: it is cut"
        )
    if piece.sha256:
        if hashlib.sha256(data).hexdigest() != piece.sha256:
            raise DamagedFile(
                f"{path}: {name} has another SHA-256 than was written: the file is damaged or was changed"
            )
        data = data[first * row_bytes : last * row_bytes]
    shape = (last - first, *stored.shape[1:])
    if not data:
        return torch.empty(shape, dtype=DTYPES[stored.dtype])
    return torch.frombuffer(data, dtype=DTYPES[stored.dtype]).view(shape)
