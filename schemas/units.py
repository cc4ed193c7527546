"""Units of resumption: what one unit makes counts as made once its commit object is there.

A unit (an input split, a partition, a shard, a piece of a dump, some page-view files) writes its files under names of
its own, then one JSON that names their size and SHA-256. Run again, finished units are skipped; two writers of one unit
are harmless.
"""

from dataclasses import dataclass, field
from typing import Any

from schemas.json_object import JsonObject, parse_object
from schemas.json_shape import check_json
from schemas.storage import FileRecord, Folder, canonical_json

_FILE = {"name": str, "rows": int, "bytes": int, "sha256": str}
_COMMIT = {"files": [_FILE]}


@dataclass(frozen=True)
class Unit:
    """A finished unit: the files it made and what it counted."""

    name: str
    files: list[FileRecord]
    body: JsonObject = field(default_factory=JsonObject)


def commit_unit(folder: Folder, name: str, files: list[FileRecord], body: dict[str, Any]) -> Unit:
    """Write the commit object `name` over the complete `files`; `body` holds the unit's counts (JSON values)."""
    records = [{"name": f.name, "rows": f.rows, "bytes": f.bytes, "sha256": f.sha256} for f in files]
    written = canonical_json({**body, "files": records})
    folder.write(name, written)
    noted = parse_object(written, folder.path(name))  # as it is read back: objects in it, too, can be asked for counts
    del noted["files"]
    return Unit(name, files, noted)


def read_unit(folder: Folder, name: str) -> Unit | None:
    """Return the finished unit `name`, or None when it has no commit object.

    Raises ValueError that names the file when it is no commit object.
    """
    if not folder.exists(name):
        return None
    body = folder.read_json(name)
    if isinstance(body.get("files"), list):
        body["files"] = [_as_object(file) for file in body["files"]]
    check_json(body, _COMMIT, body.where, "the commit of finished work")
    files = [
        FileRecord(record["name"], record.count("rows"), record.count("bytes"), record["sha256"])
        for record in body.pop("files")
    ]
    return Unit(name, files, body)


def _as_object(file: Any) -> Any:
    """Return a file of a commit; querygen wrote them as lists until schema 1.4."""
    return JsonObject(zip(_FILE, file, strict=True)) if isinstance(file, list) and len(file) == len(_FILE) else file


def finished_units(folder: Folder, directory: str, suffix: str) -> list[str]:
    """Return the names of the commit objects ``directory/*suffix``, sorted."""
    return folder.names(directory, suffix)


def whole_units(folder: Folder, directory: str, suffix: str) -> list[Unit]:
    """Return the finished units whose files are all there with the size they were committed with, by name.

    A unit that lost a file (deleted, cut off by a full disk elsewhere) is as if it had not been made.
    """
    finished = (read_unit(folder, name) for name in finished_units(folder, directory, suffix))
    return [unit for unit in finished if unit is not None and is_whole(folder, unit)]


def is_whole(folder: Folder, unit: Unit) -> bool:
    """Tell whether all files of a finished unit are there with the size they were committed with."""
    return all(_has_its_size(folder, record) for record in unit.files)


def _has_its_size(folder: Folder, record: FileRecord) -> bool:
    return folder.exists(record.name) and folder.size(record.name) == record.bytes
