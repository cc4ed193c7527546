"""The parts of a sharded checkpoint: each worker writes its own, the first one waits for their records in the folder.

    worker 2   model-00002-of-00003.safetensors  optimizer-00002-of-00003.safetensors   part-00002-of-00003.RUN.json
    worker 1   its part, then the records of all parts -> shards.json, state.json

No worker waits for another in a step: it is the first one's writer thread that looks for the records. RUN is a name
that the workers of one invocation share, so what a killed one left is not taken for theirs.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.json_shape import check_json
from schemas.storage import FileRecord, Folder
from trainer.saving.held_rows import Held
from trainer.saving.host_copies import TensorFiles
from trainer.saving.shard_index import Index, Piece, Stored, index_from_json, index_to_json, join_indexes
from trainer.saving.tensor_file import NAMES, write_placed_tensors
from trainer.saving.written_files import STATE_FILE

LOOK_EVERY_S = 0.2

_OF_PART = re.compile(r"-\d{5}-of-(\d{5})\.")
_RECORD = {"files": {str: (int, str)}, "tensors": {}}


@dataclass(frozen=True)
class Place:
    """Which part of how many a worker writes."""

    rank: int
    size: int
    run: str
    """Shared by the workers of this invocation."""
    deadline_s: float
    """The first worker waits so long for the others' parts."""

    def record_name(self, rank: int) -> str:
        return f"part-{rank + 1:05d}-of-{self.size:05d}.{self.run}.json"


def write_part(
    folder: Folder, prefix: str, copies: TensorFiles, held: Mapping[str, Mapping[str, Held]], place: Place
) -> None:
    """Write this worker's rows (`copies` of what is `held`) under `prefix`, then their record."""
    if place.rank == 0:
        folder.delete(f"{prefix}/{STATE_FILE}")  # of the same step: while files are replaced it is no checkpoint
        _delete_others(folder, prefix, place)
    else:
        _wait_until(
            lambda: f"{prefix}/{STATE_FILE}" not in folder.names(prefix, STATE_FILE), place.deadline_s,
            f"{folder.path(prefix)}: an earlier checkpoint of this step was not given up by the first worker",
        )  # fmt: skip
    files: dict[str, list[Any]] = {}
    tensors: dict[str, dict[str, Stored]] = {}
    for kind, rows in copies.items():
        name = f"{kind.removesuffix('.safetensors')}-{place.rank + 1:05d}-of-{place.size:05d}.safetensors"
        record, placed = write_placed_tensors(folder, f"{prefix}/{name}", rows)
        files[name] = [record.bytes, record.sha256]
        tensors[kind] = {}
        for tensor, (begin, end, sha256) in placed.items():
            one = held[kind][tensor]
            piece = Piece(
                file=name, first_row=one.first_row, rows=len(rows[tensor]) if one.shape else 1, begin=begin, end=end,
                sha256=sha256,
            )  # fmt: skip
            tensors[kind][tensor] = Stored(NAMES[rows[tensor].dtype], one.shape, (piece,))
    folder.write_json(f"{prefix}/{place.record_name(place.rank)}", {"files": files, "tensors": index_to_json(tensors)})


def collect_parts(folder: Folder, prefix: str, place: Place) -> tuple[list[FileRecord], Index]:
    """Wait for the records of all parts, delete them; return the files and what is in them.

    Raises TimeoutError that names the part that is not there at the deadline.
    """
    names = [place.record_name(rank) for rank in range(place.size)]

    def missing() -> list[str]:
        there = folder.names(prefix, f".{place.run}.json")
        return [name for name in names if f"{prefix}/{name}" not in there]

    _wait_until(
        lambda: not missing(), place.deadline_s,
        lambda: f"{folder.path(prefix)}: part {missing()[0][5:19]} was not written by its worker",
    )  # fmt: skip
    records, indexes = [], []
    for name in names:
        where = folder.path(f"{prefix}/{name}")
        body = json.loads(folder.read(f"{prefix}/{name}"))
        check_json({"files": body.get("files")}, {"files": _RECORD["files"]}, where, "the record of a part")
        records += [FileRecord(f"{prefix}/{file}", 0, size, sha256) for file, (size, sha256) in body["files"].items()]
        indexes.append(index_from_json(body["tensors"], where))
    index = join_indexes(indexes)
    for name in names:
        folder.delete(f"{prefix}/{name}")
    return records, index


def _delete_others(folder: Folder, prefix: str, place: Place) -> None:
    """Delete what another invocation left of this step: parts of another number, and records."""
    for name in folder.names(prefix):
        part = _OF_PART.search(name)
        if part and (int(part[1]) != place.size or (name.endswith(".json") and f".{place.run}." not in name)):
            folder.delete(name)


def _wait_until(is_so: Any, deadline_s: float, otherwise: Any) -> None:
    began_s = time.monotonic()
    while not is_so():
        if time.monotonic() - began_s > deadline_s:
            told = otherwise if isinstance(otherwise, str) else otherwise()
            raise TimeoutError(f"{told} within {deadline_s:,.0f} s; the checkpoint before is the latest")
        time.sleep(LOOK_EVERY_S)
