"""Which file, and which bytes of it, hold which rows of a checkpoint's tensors: `shards.json` of sharded checkpoints.

    {"model.safetensors": {"proj": {"dtype": "F32", "shape": [8, 4], "pieces": [
        {"file": "model-00001-of-00002.safetensors", "first_row": 0, "rows": 4, "begin": 712, "end": 776, "sha256": ""},
        {"file": "model-00002-of-00002.safetensors", "first_row": 4, "rows": 4, ...}]}}}

The outer names are those of the files that a checkpoint has where one worker writes it whole. A piece is what one
worker held, a run of rows; `begin` and `end` are bytes of its file, `sha256` is theirs. A scalar is one row.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.json_shape import check_json
from schemas.storage import Folder
from trainer.saving.safetensors_header import read_header
from trainer.saving.written_files import DamagedFile, WrittenFiles

SHARDS_FILE = "shards.json"

_PIECE = {"file": str, "first_row": int, "rows": int, "begin": int, "end": int, "sha256": str}
_SHAPE = {str: {str: {"dtype": str, "shape": [int], "pieces": [_PIECE]}}}


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Rows of a tensor that lie together in a file."""

    file: str
    first_row: int
    rows: int
    begin: int
    """Of its bytes in the file."""
    end: int
    sha256: str
    """Of these bytes; empty where the whole file's alone is known."""


@dataclass(frozen=True)
class Stored:
    """A tensor of a checkpoint, its pieces by their rows."""

    dtype: str
    """As safetensors names it."""
    shape: tuple[int, ...]
    pieces: tuple[Piece, ...]

    @property
    def num_rows(self) -> int:
        return self.shape[0] if self.shape else 1


Index = Mapping[str, Mapping[str, Stored]]
"""Tensors by name, of each file of a whole checkpoint by its name."""


def index_to_json(index: Index) -> dict[str, Any]:
    """Return an index as JSON values."""
    return {
        kind: {name: dataclasses.asdict(stored) for name, stored in tensors.items()} for kind, tensors in index.items()
    }


def index_from_json(body: Any, where: str) -> dict[str, dict[str, Stored]]:
    """Read what `index_to_json` gave. Raises ValueError naming `where`."""
    check_json(body, _SHAPE, where, "the index of a sharded checkpoint of this project")
    return {
        kind: {
            name: Stored(one["dtype"], tuple(one["shape"]), tuple(Piece(**piece) for piece in one["pieces"]))
            for name, one in tensors.items()
        }
        for kind, tensors in body.items()
    }


def join_indexes(parts: Iterable[Index]) -> dict[str, dict[str, Stored]]:
    """Return the index of what several workers wrote. Raises ValueError where rows of a tensor are in none of them."""
    joined: dict[str, dict[str, Stored]] = {}
    for part in parts:
        for kind, tensors in part.items():
            for name, stored in tensors.items():
                before = joined.setdefault(kind, {}).get(name)
                pieces = (*(before.pieces if before else ()), *stored.pieces)
                joined[kind][name] = Stored(
                    stored.dtype, stored.shape, tuple(sorted(pieces, key=lambda piece: piece.first_row))
                )
    for tensors in joined.values():
        for name, stored in tensors.items():
            _check_rows(name, stored)
    return joined


def _check_rows(name: str, stored: Stored) -> None:
    row = 0
    for piece in stored.pieces:
        if piece.first_row != row:
            break
        row += piece.rows
    if row != stored.num_rows:
        raise ValueError(f"rows of {name}: expected all {stored.num_rows} from 0 on once, found none for row {row}")


def read_index(folder: Folder, written: WrittenFiles) -> dict[str, dict[str, Stored]] | None:
    """Return the index of the sharded checkpoint in `folder`, None for a whole one. Raises `DamagedFile`."""
    if not folder.exists(SHARDS_FILE):
        if SHARDS_FILE in written.sha256:
            raise DamagedFile(f"{folder.path(SHARDS_FILE)} is missing; {written.remedy}")
        return None
    data = written.read(folder, SHARDS_FILE)
    try:
        return index_from_json(json.loads(data), folder.path(SHARDS_FILE))
    except ValueError as error:
        raise DamagedFile(f"{folder.path(SHARDS_FILE)}: {error}") from error


def index_of_whole(folder: Folder, name: str) -> dict[str, Stored]:
    """Return the tensors of a whole safetensors file, each in one piece. Raises `DamagedFile` where it is none."""
    path = folder.path(name)
    try:
        header, data_begin = read_header(folder, name)
        found = {}
        for tensor, told in header.items():
            begin, end = (data_begin + offset for offset in told["data_offsets"])
            shape = tuple(told["shape"])
            rows = shape[0] if shape else 1
            piece = Piece(file=name, first_row=0, rows=rows, begin=begin, end=end, sha256="")
            found[tensor] = Stored(told["dtype"], shape, (piece,))
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"{path}: expected a safetensors file, its header is none: {error!r}") from error
