"""The folders to reshard: checked before anything is written; their plans as source tables, in order."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.download.decode.options import ImageOptions
from pipeline.download.shard.numbering import PlanUnit, finished_plans
from schemas.manifest import manifest_input, normal_form_of, read_files, read_manifest, recorded
from schemas.removals import REMOVALS_NAME
from schemas.run_record import RUN_FILE, describe_difference, read_run
from schemas.shards_folder import FURTHER_CAPTIONS_DIR, REJECTIONS_DIR, TABLE_SUFFIX, TAR_SUFFIX
from schemas.storage import FileRecord, Folder
from schemas.stream_digest import sha256_of
from schemas.tables import naming_damage
from schemas.tables_dir import QUERIES_NAME, find_table


@dataclass(frozen=True)
class SourceTable:
    """The table of a plan, with what lies beside it."""

    folder: str
    table: FileRecord
    tar: FileRecord | None
    rejections: FileRecord | None


@dataclass(frozen=True)
class SourceFolder:
    """An input: its plans, those with a tar first, by number; and its tables of further captions, by plan."""

    folder: Folder
    manifest: dict[str, Any]
    plans: list[PlanUnit]
    tables: list[SourceTable]
    further: list[FileRecord]
    schema: pa.Schema | None
    """Of the first table, as it is in the file; None where there is no table."""


def open_sources(paths: Sequence[str], output: str) -> list[SourceFolder]:
    """Return the inputs.

    Raises FileNotFoundError or ValueError that names the folder, or two of them, when one is absent, unfinished, of
    another kind or format, damaged, given twice, the output, or when images or queries of two are made otherwise.
    """
    goal = Folder(output).url
    folders = [Folder(path) for path in paths]
    for number, folder in enumerate(folders):
        if f"{folder.url}/".startswith(f"{goal}/") or f"{goal}/".startswith(f"{folder.url}/"):
            raise ValueError(f"--output {goal}: lies in --shards {folder.url}, or the other way; choose another folder")
        if folder.url in {other.url for other in folders[:number]}:
            raise ValueError(f"--shards {folder.url}: given twice; name each folder once")
    found = [_open(folder) for folder in folders]
    for other in found[1:]:
        _check_alike(found[0], other)
    return found


def _open(folder: Folder) -> SourceFolder:
    if folder.exists() and not folder.exists(RUN_FILE):
        raise ValueError(
            f"--shards {folder.url}: no folder of pipeline download (no {RUN_FILE}); tars of others, which have no "
            "table of ours beside them, cannot be resharded"
        )
    manifest = read_manifest(folder, "shards")
    output_format = manifest["summary"].get("output_format", "webdataset")
    if output_format != "webdataset":
        raise ValueError(
            f"--shards {folder.url}: was made with --output-format {output_format}; expected webdataset: run pipeline "
            "download again, into another folder"
        )
    plans = sorted(finished_plans(folder).values(), key=_tars_first)
    known = {record.name for found in plans for record in found.unit.files}
    listed = {record.name for record in read_files(folder, (TAR_SUFFIX, TABLE_SUFFIX))}
    for name in sorted(listed - known):
        if not name.startswith("tables/") and name != QUERIES_NAME:
            raise ValueError(
                f"{folder.path(name)}: in the folder's list of files, but no whole shard has it; it, or the stats "
                "beside it, are gone or damaged: restore them or make the folder again"
            )
    tables = [_table(folder, found) for found in plans]
    schema = _schema_of(folder, tables[0].table) if tables else None
    return SourceFolder(folder, manifest, plans, tables, _further(plans), schema)


def _schema_of(folder: Folder, record: FileRecord) -> pa.Schema:
    with folder.open(record.name) as raw, naming_damage(folder, record):
        schema = pq.read_schema(raw)
    if "members" not in schema.names:
        raise ValueError(
            f"{folder.path(record.name)}: tells no members of the tar (shards of schema 1.4 and before), so it cannot "
            "be resharded; download it again, or train on it as it is"
        )
    return schema


def _tars_first(found: PlanUnit) -> tuple[bool, int]:
    return found.shard is None, found.plan if found.shard is None else found.shard


def _table(folder: Folder, found: PlanUnit) -> SourceTable:
    files = found.unit.files
    table = next((record for record in files if "/" not in record.name and record.name.endswith(TABLE_SUFFIX)), None)
    if table is None:
        raise ValueError(f"{folder.path(found.unit.name)}: names no table; make the folder again")
    tar = next((record for record in files if record.name.endswith(TAR_SUFFIX)), None)
    rejections = next((record for record in files if record.name.startswith(f"{REJECTIONS_DIR}/")), None)
    return SourceTable(folder.url, table, tar, rejections)


def _further(plans: Sequence[PlanUnit]) -> list[FileRecord]:
    by_plan = {
        (found.plan, record.name): record
        for found in plans
        for record in found.unit.files
        if record.name.startswith(f"{FURTHER_CAPTIONS_DIR}/")
    }
    return [by_plan[place] for place in sorted(by_plan)]


def image_options(source: SourceFolder) -> dict[str, Any]:
    """Return how the images of a folder were made, as far as it tells."""
    told = read_run(source.folder).get("config", {})
    return {field.name: told[field.name] for field in fields(ImageOptions) if field.name in told}


def _check_alike(first: SourceFolder, other: SourceFolder) -> None:
    """Raise ValueError when the images of two folders were made otherwise, or their ids are of other queries."""
    names = f"--shards {first.folder.url} and {other.folder.url}"
    if first.schema is not None and other.schema is not None:
        check_columns(first.schema, other.schema, other.folder.path(other.tables[0].table.name))
    left, right = image_options(first), image_options(other)
    if left != right:
        raise ValueError(
            f"{names}: expected images stored in one way, found others: {describe_difference(left, right)}; reshard "
            "each into a folder of its own"
        )
    if _queries_sha256(first.folder) != _queries_sha256(other.folder):
        raise ValueError(f"{names}: their query ids are of two lists of queries; reshard each into a folder of its own")
    if normal_form_of(first.manifest) != normal_form_of(other.manifest):
        raise ValueError(f"{names}: their texts are in two normal forms; reshard each into a folder of its own")


def check_columns(first: pa.Schema, found: pa.Schema, where: str) -> None:
    """Raise ValueError that names `where` when it has other columns than the first table of all."""
    left, right = ({field.name: str(field.type) for field in schema} for schema in (first, found))
    for name in [*left, *right]:
        if left.get(name) != right.get(name):
            raise ValueError(
                f"{where}: expected the columns of the first folder's tables, found {name!r} as {right.get(name)}, not "
                f"{left.get(name)}; reshard each folder into one of its own"
            )


def _queries_sha256(folder: Folder) -> str:
    return recorded(folder, find_table(folder, QUERIES_NAME)).sha256


def source_inputs(sources: Sequence[SourceFolder]) -> list[dict[str, Any]]:
    """Return what the run record says of the inputs: manifests, and removals, which may grow under a manifest."""
    described = []
    for number, source in enumerate(sources):
        described.append(manifest_input(f"shards-{number}", source.folder))
        if source.folder.exists(REMOVALS_NAME):
            with source.folder.open(REMOVALS_NAME) as raw:
                described.append({"name": f"removals-{number}", "sha256": sha256_of(raw)[0]})
    return described
