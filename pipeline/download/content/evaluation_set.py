"""The images that no downloaded one may look like: a folder of them in, their perceptual hashes in the output's tables.

They are made by the decode processes of the download itself, so both sides are seen through the same eyes. Made once,
before the first request; a run that goes on finds them there, since its identity holds the digest of the files.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from pipeline.download.config import DownloadConfig
from pipeline.download.content.near import NearHashes, Words, hash_words
from pipeline.download.decode.pool import DecodePool
from pipeline.download.outcome import Encoded, Failure
from pipeline.download.shard.numbering import PlanUnit
from schemas.arrow_types import schema_of, values_of
from schemas.image_files import IMAGE_SUFFIXES, is_image_name
from schemas.listed_files import list_files
from schemas.shards_folder import TABLE_SUFFIX
from schemas.storage import FileRecord, Folder
from schemas.stream_digest import sha256_of
from schemas.tables import read_table, write_table
from schemas.tables_dir import tables_path

EVALUATION_HASHES = schema_of(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("phash", pa.string()),
    ]
)
"""``tables/evaluation_hashes.parquet``: by name below the folder, sorted; phash is null for what is no image."""

DECONTAMINATED = schema_of(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("phash", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("bits", pa.int32(), nullable=False),
    ]
)
"""``tables/decontaminated.parquet``: which images were rejected for which of the evaluation set; bits that differ."""

HASHES_NAME, DECONTAMINATED_NAME = "evaluation_hashes.parquet", "decontaminated.parquet"

FILES_AT_ONCE = 256
OPTION = "--decontaminate"


def evaluation_files(path: str) -> list[str]:
    """Return the images below the folder `path`, sorted. Raises FileNotFoundError when it is none, or has none."""
    if not os.path.isdir(path):
        raise FileNotFoundError(f"{OPTION}: no such folder {path!r}")
    return list_files([path], is_image_name, option=OPTION, none_found="no image", suffixes=IMAGE_SUFFIXES)


def evaluation_inputs(config: DownloadConfig) -> list[dict[str, Any]]:
    """Return what the run's identity holds of the evaluation set: the digest of its files' names and bytes."""
    if config.decontaminate is None:
        return []
    digest = hashlib.sha256()
    files = evaluation_files(config.decontaminate)
    for path in files:
        with open(path, "rb") as raw:
            digest.update(
                f"{_name(path, config.decontaminate)}\0{sha256_of(raw)[0]}\n".encode("utf-8", "surrogateescape")
            )
    return [{"name": "decontaminate", "files": len(files), "sha256": digest.hexdigest()}]


def write_evaluation_hashes(shards: Folder, config: DownloadConfig) -> None:
    """Write the hashes of the evaluation set, where they are not there yet.

    Raises ValueError when none of its files is an image.
    """
    if config.decontaminate is None or shards.exists(tables_path(HASHES_NAME)):
        return
    files = evaluation_files(config.decontaminate)
    found = asyncio.run(_hashed(files, config))
    hashed = [result.phash if isinstance(result, Encoded) else None for result in found]
    if not any(hashed):
        raise ValueError(f"{OPTION}: none of {len(files)} files below {config.decontaminate!r} could be decoded")
    columns: list[list[str | None]] = [
        [_name(path, config.decontaminate) for path in files],
        [_sha256(path) for path in files],
        hashed,
    ]
    table = pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=EVALUATION_HASHES)
    write_table(shards, tables_path(HASHES_NAME), table, EVALUATION_HASHES)


def read_evaluation_hashes(config: DownloadConfig) -> Words | None:
    """Return the hashes that `write_evaluation_hashes` wrote, None when none were asked for."""
    if config.decontaminate is None:
        return None
    table = read_table(Folder(config.output), tables_path(HASHES_NAME), EVALUATION_HASHES)
    return hash_words(values_of(table["phash"].drop_null()))


def finish_evaluation(shards: Folder, numbered: Sequence[PlanUnit], max_bits: int) -> tuple[list[FileRecord], int]:
    """Write which image was rejected for which file; return the records of both tables, and how many files were read.

    Nothing where the folder has no hashes of an evaluation set.
    """
    if not shards.exists(tables_path(HASHES_NAME)):
        return [], 0
    with shards.open(tables_path(HASHES_NAME)) as raw:
        sha256, size = sha256_of(raw)
    hashes = read_table(shards, tables_path(HASHES_NAME), EVALUATION_HASHES)
    known = hashes.filter(hashes["phash"].is_valid())
    near = NearHashes(hash_words(values_of(known["phash"])), max_bits)
    names = values_of(known["file"])
    rows = [row for found in numbered for row in _rejected(shards, found, near, names)]
    table = pa.Table.from_pylist(rows, schema=DECONTAMINATED)
    return [
        FileRecord(tables_path(HASHES_NAME), len(hashes), size, sha256),
        write_table(shards, tables_path(DECONTAMINATED_NAME), table, DECONTAMINATED),
    ], len(known)


def _rejected(shards: Folder, found: PlanUnit, near: NearHashes, names: list[str]) -> Iterator[dict[str, Any]]:
    if not found.unit.body.counts("outcomes").get("decontaminated"):
        return
    table = read_table(shards, sidecar_of(found).name, columns=["key", "url", "phash", "reason"])
    for row in table.to_pylist():
        if row.pop("reason") == "decontaminated":
            nearest = near.nearest(row["phash"])
            assert nearest is not None, row
            yield row | {"file": names[nearest[0]], "bits": nearest[1]}


def sidecar_of(found: PlanUnit) -> FileRecord:
    """Return the record of the table of a plan's images."""
    return next(record for record in found.unit.files if record.name.endswith(TABLE_SUFFIX) and "/" not in record.name)


async def _hashed(files: list[str], config: DownloadConfig) -> list[Encoded | Failure]:
    bare = replace(
        config, decontaminate=None, min_image_size=0, max_aspect_ratio=None, verify_hash=None, blurring_bbox_col=None,
        extract_exif=False, compute_hash="sha256",
    )  # fmt: skip
    found: list[Encoded | Failure] = []
    async with DecodePool(bare) as pool:
        for first in range(0, len(files), FILES_AT_ONCE):
            bodies = [_read(path) for path in files[first : first + FILES_AT_ONCE]]
            done = await asyncio.gather(*(pool.decode(body) for body in bodies))
            found += [replace(result, data=b"") if isinstance(result, Encoded) else result for result in done]
    return found


def _read(path: str) -> bytes:
    with open(path, "rb") as raw:
        return raw.read()


def _sha256(path: str) -> str:
    with open(path, "rb") as raw:
        return sha256_of(raw)[0]


def _name(path: str, directory: str) -> str:
    return os.path.relpath(path, directory).replace(os.sep, "/")
