"""``manifest.json``: written last, in one atomic step; a folder without it is unfinished.

The list of files with rows, bytes and SHA-256 is ``tables/files.parquet``, because 10 million files do not fit a
JSON. ``README.md`` says what the files are.
"""

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas import SCHEMA_VERSION
from schemas.arrow_types import schema_of
from schemas.folder_card import folder_card
from schemas.rewritten import PLAN_FILE
from schemas.run_record import MANIFEST_FILE, RUN_FILE, SUCCEEDS
from schemas.storage import FileRecord, Folder
from schemas.tables import parse_table, write_table
from schemas.tables_dir import FILES_NAME, find_table, tables_path
from schemas.text import NORMAL_FORM_VERSION, UNIDATA_VERSION

CARD_FILE = "README.md"

KINDS = (
    "counts", "queries", "candidates", "selection", "shards", "run", "checkpoint", "evaluation", "detections", "index",
    "features", "vectors", "filtered", "moments",
)  # fmt: skip

REMADE_BY = {
    "counts": "querygen count",
    "queries": "querygen build, or pipeline collect of the list it was made of",
    "candidates": "querygen build, then pipeline collect or run",
    "selection": "querygen build, then pipeline collect and balance, or run",
    "shards": "querygen build, then pipeline collect, balance and download, or run",
}
"""Kinds of folders that hold texts in normal form or what was matched by it; the commands that make one anew."""

FIRST_NORMAL_FORM = "1"
"""That of folders whose manifest tells none (before schema 1.4)."""

FILES = schema_of(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
    ]
)


def write_manifest(
    folder: Folder, kind: str, files: list[FileRecord], *, rows: int, identity: str, summary: dict[str, Any],
    normal_form: str = NORMAL_FORM_VERSION, card: str = "", succeeds: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Write card and list of files, then ``manifest.json``, over complete data; return the manifest.

    `rows` counts the folder's records (queries, candidates, selected pairs, images). `summary` holds the counts
    and settings later stages and people read: JSON values, no clock, no machine path. `normal_form` is the version
    of the normal form that the folder's texts are in, told for the kinds of `REMADE_BY`. `card` names that of
    `schemas.folder_card`, where it is not that of the kind. `succeeds` holds the SHA-256s of the manifests that this
    one stands in for, the first first: what was made from one of them goes on.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, found {kind!r}")
    ordered = sorted(files, key=lambda record: record.name)
    table = pa.Table.from_arrays(
        [pa.array([getattr(record, name) for record in ordered], FILES.field(name).type) for name in FILES.names],
        schema=FILES,
    )
    files_record = write_table(folder, tables_path(FILES_NAME), table, FILES)
    text = folder_card(card or kind)
    if text is not None:
        folder.write(CARD_FILE, text)
    manifest = {
        "schema": SCHEMA_VERSION,
        "kind": kind,
        "identity": identity,
        "unidata_version": UNIDATA_VERSION,
        **({"normal_form": normal_form} if kind in REMADE_BY else {}),
        "rows": rows,
        "bytes": sum(record.bytes for record in ordered),
        "num_files": len(ordered),
        "files_sha256": files_record.sha256,
        "summary": summary,
        **({"succeeds": list(succeeds)} if succeeds else {}),
    }
    folder.write_json(MANIFEST_FILE, manifest)
    folder.lock = None
    return manifest


def read_manifest(folder: Folder, kind: str) -> dict[str, Any]:
    """Return the manifest of a finished folder of `kind`.

    Raises FileNotFoundError when the folder is absent or unfinished and ValueError for another kind or
    an unknown schema version; each says what to do.
    """
    if not folder.exists(MANIFEST_FILE):
        if not folder.exists():
            raise FileNotFoundError(f"{folder.url}: no such folder; expected a finished {kind} folder")
        if folder.exists(PLAN_FILE):
            raise FileNotFoundError(
                f"{folder.url}: what was removed is half taken out of it; run the pipeline remove of before again, or "
                "any other that names this folder: it goes on"
            )
        state = (
            "is unfinished (no manifest.json)" if folder.exists(RUN_FILE) else f"is no {kind} folder (no {RUN_FILE})"
        )
        raise FileNotFoundError(
            f"{folder.url} {state}; run the command that makes it again: it resumes what is missing"
        )
    manifest = folder.read_json(MANIFEST_FILE)
    major, _, minor = str(manifest.get("schema", "")).partition(".")
    known_major, _, known_minor = SCHEMA_VERSION.partition(".")
    if major != known_major or not minor.isdigit() or int(minor) > int(known_minor):
        raise ValueError(
            f"{folder.path(MANIFEST_FILE)}: schema {manifest.get('schema')!r} cannot be read by this version "
            f"(it reads {known_major}.0 to {SCHEMA_VERSION}); make the folder again or use the version that wrote it"
        )
    if manifest.get("kind") != kind:
        raise ValueError(f"{folder.url}: expected a {kind} folder, found kind {manifest.get('kind')!r}")
    for key in ("rows", "bytes"):
        manifest.count(key)
    if not isinstance(manifest["summary"], dict):
        raise ValueError(f"{manifest.where}: expected 'summary' to be an object, found {manifest['summary']!r}")
    return manifest


def read_current_manifest(folder: Folder, kind: str, otherwise: str = "") -> dict[str, Any]:
    """Return the manifest of a finished folder whose texts are in the normal form that this version makes.

    Whoever matches, joins or looks up those texts must ask for it: by another rule the same text is another one.
    Raises ValueError for a folder of another normal form, with the commands that make it again and what to do
    `otherwise`, and as `read_manifest` does.
    """
    manifest = read_manifest(folder, kind)
    found = normal_form_of(manifest)
    if found != NORMAL_FORM_VERSION:
        raise ValueError(
            f"{folder.url}: its texts are in normal form {found!a}, this version compares texts in normal form "
            f"{NORMAL_FORM_VERSION!a}; make it again, into another folder: {REMADE_BY[kind]}{otherwise}"
        )
    return manifest


def normal_form_of(manifest: dict[str, Any]) -> str:
    """Return the version of the normal form that the texts of a folder are in."""
    return str(manifest.get("normal_form", FIRST_NORMAL_FORM))


def manifest_sha256(folder: Folder) -> str:
    """Return the SHA-256 of the folder's ``manifest.json``: what identifies a folder used as input."""
    return hashlib.sha256(folder.read(MANIFEST_FILE)).hexdigest()


def succeeded(folder: Folder) -> list[str]:
    """Return the SHA-256s of the manifests that a finished folder's stands in for, the first first.

    `pipeline remove` writes such a manifest. Raises ValueError that names the file where they are no list of texts.
    """
    manifest = folder.read_json(MANIFEST_FILE)
    found = manifest.get("succeeds", [])
    if not isinstance(found, list) or not all(isinstance(sha256, str) for sha256 in found):
        raise ValueError(f"{manifest.where}: expected 'succeeds' to be a list of SHA-256s, found {found!r}")
    return found


def sha256_as_known(folder: Folder, known: str) -> str:
    """Return `known` where the folder's manifest has that SHA-256 or stands in for the one that had; else its own."""
    return known if known in succeeded(folder) else manifest_sha256(folder)


def manifest_input(name: str, folder: Folder) -> dict[str, Any]:
    """Return what a run record says of a folder used as input: see `schemas.run_record.SUCCEEDS`."""
    before = succeeded(folder)
    return {"name": name, "manifest_sha256": manifest_sha256(folder), **({SUCCEEDS: before} if before else {})}


def read_files(folder: Folder, suffixes: tuple[str, ...] = ()) -> list[FileRecord]:
    """Return the file list of a finished folder, or of it the files whose names end in one of `suffixes`.

    Raises FileNotFoundError that names the list when it is gone, ValueError when it is not the one that the manifest
    was written over, or names a file outside of the folder.
    """
    name = find_table(folder, FILES_NAME)
    try:
        data = folder.read(name)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{folder.path(tables_path(FILES_NAME))}: the list of files of a finished folder is gone; restore it "
            "or make the folder again"
        ) from error
    if hashlib.sha256(data).hexdigest() != folder.read_json(MANIFEST_FILE)["files_sha256"]:
        raise ValueError(
            f"{folder.path(name)}: not the list of files that {folder.path(MANIFEST_FILE)} was written over; one of "
            "them was changed or damaged, restore it or make the folder again"
        )
    table = parse_table(data, folder.path(name), FILES)
    if suffixes:
        wanted = [pc.ends_with(table["name"], pattern=suffix) for suffix in suffixes]
        table = table.filter(functools.reduce(pc.or_, wanted))
    records = [FileRecord(**row) for row in table.to_pylist()]
    for record in records:
        if min(record.rows, record.bytes) < 0 or {"", ".", ".."} & set(record.name.split("/")):
            raise ValueError(f"{folder.path(name)}: expected a file in the folder and its size, found {record}")
    return records


def read_records(folder: Folder) -> dict[str, FileRecord]:
    """Return the file list of a finished folder by name. Raises what `read_files` does."""
    return {record.name: record for record in read_files(folder)}


def recorded(folder: Folder, name: str) -> FileRecord:
    """Return what a finished folder notes of its file `name`. Raises ValueError when it notes none."""
    found = read_records(folder).get(name)
    if found is None:
        raise ValueError(f"{folder.url}: its list of files has no {name!r}; make the folder again")
    return found
