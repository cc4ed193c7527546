"""``--output-format files``: the images of a plan as files of a folder.

    00003/KEY.jpg KEY.json KEY.txt     as img2dataset names them
    contents/00005.parquet             by plan (here plan 5): name, bytes and SHA-256 of each file of its folder

A shard of 10,000 images is 30,000 files: the unit and the manifest hold the record of ``contents/``, and that the
files are there, and no others, is looked at once, at the end of the run.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from typing import IO, Any

import pyarrow as pa

from pipeline.download.shard.plan import ShardImages
from pipeline.download.shard.sample_json import NOTHING_NOTED, NotedKeys
from pipeline.download.shard.sinks.samples import sample_files
from pipeline.download.shard.table import ImageResult
from schemas.arrow_types import values_of
from schemas.manifest import FILES
from schemas.shards_folder import TABLE_SUFFIX, shard_name
from schemas.storage import UNKNOWN_SIZE, FileRecord, Folder
from schemas.tables import read_table, write_table
from schemas.units import Unit

CONTENTS_DIR = "contents"


def write_files(
    folder: Folder, shard: str, plan: str, images: ShardImages, results: Sequence[ImageResult], spool: IO[bytes],
    encode_format: str, asked: NotedKeys = NOTHING_NOTED,
) -> tuple[list[FileRecord], dict[str, Any]]:  # fmt: skip
    """Write the images that came into folder `shard`; return the record of their listing, and what the stats keep."""
    if folder.local:
        os.makedirs(folder.path(shard), exist_ok=True)
    written = [
        _write(folder, f"{shard}/{key}{suffix}", data)
        for key, files in sample_files(images, results, spool, encode_format, asked)
        for suffix, data in files.items()
    ]
    table = pa.table(
        {
            "name": pa.array([record.name.rpartition("/")[2] for record in written], pa.string()),
            "rows": pa.array([record.rows for record in written], pa.int64()),
            "bytes": pa.array([record.bytes for record in written], pa.int64()),
            "sha256": pa.array([record.sha256 for record in written], pa.string()),
        },
        schema=FILES,
    )
    listing = write_table(folder, f"{CONTENTS_DIR}/{plan}{TABLE_SUFFIX}", table, FILES)
    return [listing], {"stored_bytes": sum(record.bytes for record in written)}


def _write(folder: Folder, name: str, data: bytes) -> FileRecord:
    """Write a file; locally without waiting for the disk, which takes longer than the download: `tidy_files` looks."""
    if not folder.local:
        return folder.write(name, data)
    with open(folder.path(name), "wb") as raw:
        raw.write(data)
    return FileRecord(name, 0, len(data), hashlib.sha256(data).hexdigest())


def contents_of(folder: Folder, unit: Unit) -> dict[str, int] | None:
    """Return the bytes of the files of a finished plan by name; None where its images are no files."""
    record = next((record for record in unit.files if record.name.startswith(f"{CONTENTS_DIR}/")), None)
    if record is None:
        return None
    table = read_table(folder, record.name, FILES, record=record)
    return dict(zip(values_of(table["name"]), values_of(table["bytes"]), strict=True))


def move_files(folder: Folder, unit: Unit, source: int, target: int) -> None:
    """Give the files of a finished plan to the folder of shard `target` too; locally they are linked."""
    contents = contents_of(folder, unit) or {}
    if contents and folder.local:
        os.makedirs(folder.path(shard_name(target)), exist_ok=True)
    for name in contents:
        folder.copy(f"{shard_name(source)}/{name}", f"{shard_name(target)}/{name}")


def tidy_files(folder: Folder, shards: Iterable[tuple[int | None, Unit]]) -> None:
    """Delete files that are in no listing: of runs that were killed or lost a race, and of shards that moved.

    Raises FileNotFoundError when a file of a listing is not there, or has another size.
    """
    kept = set()
    for number, unit in shards:
        contents = contents_of(folder, unit)
        if number is None or contents is None:
            continue
        name = shard_name(number)
        kept.add(name)
        found = folder.sub(name).sizes("")
        for file, size in contents.items():
            if found.pop(file, None) not in (size, UNKNOWN_SIZE):
                raise FileNotFoundError(
                    f"{folder.path(name)}/{file}: expected a file of {size} bytes, found none or another; delete "
                    f"{unit.name} and run the command again"
                )
        for file in found:
            folder.delete(f"{name}/{file}")
    for entry in folder.fs.ls(folder.root, detail=True, refresh=True):
        name = entry["name"].rstrip("/").rsplit("/", 1)[-1]
        if entry["type"] == "directory" and name.isdigit() and name not in kept:
            shutil.rmtree(folder.path(name)) if folder.local else folder.delete(name)
