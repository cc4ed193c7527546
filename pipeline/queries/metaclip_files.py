"""Lists of queries in files, MetaCLIP's metadata.json first of all, read as a queries folder; its entry_counts.json
written from a selection.

metadata.json      ["abacus", "Abbey Road", ...]      (MetaCLIP 2: one such file, or an object, per language)
entry_counts.json  {"abacus": 10241, ...}             matches of every entry, in the order of the metadata
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

import fsspec
import pyarrow as pa

from schemas.arrow_types import values_of
from schemas.input_files import expand_glob
from schemas.manifest import write_manifest
from schemas.printable import one_line
from schemas.public_url import base_name
from schemas.query import QUERIES
from schemas.query_texts import EXPECTED, QueryTexts, parse_query_texts
from schemas.run_record import RunRecord, start_run
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table, write_table
from schemas.tables_dir import QUERIES_NAME, QUERY_COUNTS_NAME, find_table
from schemas.text import normal_form

SOURCE = "metadata"
"""source and sources of these queries: MetaCLIP's files do not say where an entry comes from."""

UNDETERMINED = "und"
"""Language of a file that is not named by one."""

_LIST_NAME = re.compile(r"\.(json|txt)(\.(gz|bz2|xz|zst))?\s*$", re.IGNORECASE)
_LANGUAGE_NAME = re.compile(r"[a-z]{2,3}([-_][a-z0-9]+)*|simple")


def names_lists(queries: str) -> bool:
    """Tell whether ``--queries`` names files of queries and no folder: by what is there, else by the name."""
    fs, path = fsspec.core.url_to_fs(queries)
    return bool(not fs.isdir(path) and (_LIST_NAME.search(queries) or fs.isfile(path)))


@contextmanager
def queries_folder(queries: str, output: str) -> Iterator[Folder]:
    """Give the queries folder that ``--queries`` means: itself, or ``OUTPUT-queries``, made of lists in files.

    One that is made here goes again if the start that it is for fails. Raises ValueError that names the file and the
    entry when it is no list.
    """
    if not names_lists(queries):
        yield Folder(queries)
        return
    folder = Folder(f"{output.rstrip('/')}-queries")
    was_there = folder.exists()
    try:
        _make_folder(folder, queries)
        yield folder
    except BaseException:
        if not was_there:
            folder.delete("")
        raise


def _make_folder(folder: Folder, queries: str) -> None:
    lists, inputs = [], []
    for path in expand_glob(queries):
        with fsspec.open(path, "rb") as file:
            raw = file.read()
        inputs.append({"name": base_name(path), "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()})
        lists.append((path, listed_entries(path, raw)))
    record = RunRecord(command="pipeline collect: queries", config={}, inputs=inputs)
    if start_run(folder, record):
        table = metadata_queries(lists)
        written = write_table(folder, "queries.parquet", table, QUERIES)
        empty = _say_empty(lists)
        summary = {
            "entries": sum(len(found.texts) for _, found in lists) + empty,
            "empty": empty,
            "repeated": _say_repeated(lists),
        }
        write_manifest(folder, "queries", [written], rows=len(table), identity=record.identity, summary=summary)


def listed_entries(path: str, raw: bytes) -> QueryTexts:
    """Return the entries of a file of MetaCLIP's, given its contents.

    Raises ValueError that names the file, and the entry, when it is not such a file: ids would not be those of the
    file if an entry that is no text were left out.
    """
    found = parse_query_texts(path, raw)
    if found.broken:
        raise ValueError(f"{path}: expected texts only, found {found.broken[0]}; correct the file")
    if not found.texts:
        raise ValueError(f"{path}: expected {EXPECTED}, found an empty one")
    return found


def _say_empty(lists: list[tuple[str, QueryTexts]]) -> int:
    """Tell of entries that were left out as empty, and return how many those are."""
    for path, found in lists:
        if found.empty:
            said = f"{found.empty:,} of {len(found.texts) + found.empty:,} entries are empty and left out"
            print(f"note: {one_line(path)}: {said}", file=sys.stderr)
    return sum(found.empty for _, found in lists)


def _say_repeated(lists: list[tuple[str, QueryTexts]]) -> int:
    """Tell of entries that stand more than once in their file, and return how many those are."""
    total = 0
    for path, found in lists:
        repeated = len(found.texts) - len(found.distinct)
        if repeated:
            said = f"{repeated:,} of {len(found.texts):,} entries repeat one before"
            print(f"note: {one_line(path)}: {said}", file=sys.stderr)
        total += repeated
    return total


def metadata_queries(lists: list[tuple[str, QueryTexts]]) -> pa.Table:
    """Return the queries (schema `QUERIES`) of MetaCLIP's files, given as (path, entries), in their order, each once.

    The surface is the entry as it stands, text its normal form: empty where the entry has no word, and the same for
    entries that differ in case only.
    """
    surfaces: list[str] = []
    languages: list[str] = []
    for path, found in lists:
        surfaces += found.distinct
        languages += [_language(path)] * len(found.distinct)
    size = len(surfaces)
    columns: dict[str, Any] = {
        "query_id": pa.array(range(size), pa.int32()),
        "text": [normal_form(surface) for surface in surfaces],
        "surface": surfaces,
        "language": languages,
        "source": pa.array([SOURCE] * size).dictionary_encode().cast(QUERIES.field("source").type),
        "sources": [[SOURCE]] * size,
    }
    arrays = [
        columns[field.name] if isinstance(columns.get(field.name), pa.Array)
        else pa.array(columns.get(field.name, [None] * size), field.type)
        for field in QUERIES
    ]  # fmt: skip
    return pa.Table.from_arrays(arrays, schema=QUERIES)


def _language(path: str) -> str:
    stem = PurePosixPath(path).name.partition(".")[0]
    return stem.lower() if _LANGUAGE_NAME.fullmatch(stem.lower()) else UNDETERMINED


def entry_counts(queries: pa.Table, query_counts: pa.Table) -> dict[str, int]:
    """Return the matches of every query by its surface, in query_id order.

    Queries of one surface (of several languages) are one entry: their matches are summed.
    """
    matched = dict(zip(values_of(query_counts["query_id"]), values_of(query_counts["matched"]), strict=True))
    counts: dict[str, int] = {}
    for number, surface in zip(values_of(queries["query_id"]), values_of(queries["surface"]), strict=True):
        counts[surface] = counts.get(surface, 0) + matched.get(number, 0)
    return counts


def write_entry_counts(selection: Folder, name: str = "entry_counts.json") -> FileRecord:
    """Write MetaCLIP's file of counts into a selection folder that has its queries and counts; return its record."""
    tables = (read_table(selection, find_table(selection, name)) for name in (QUERIES_NAME, QUERY_COUNTS_NAME))
    counts = entry_counts(*tables)
    return selection.write(name, json.dumps(counts, ensure_ascii=False).encode())
