"""A list of queries from anywhere, as one table: what ``querygen compare`` sets side by side.

In: a queries folder, a JSON list of strings (MetaCLIP's ``metadata.json``), a JSON object of text to count, or a text
file of one query per line; JSON and text may be compressed (.gz, .bz2, .xz, .zst). Out: `ListedTexts`.
"""

import json
import lzma
import zlib
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc

from schemas.manifest import MANIFEST_FILE, read_manifest
from schemas.query import QUERIES
from schemas.query_source import SOURCES
from schemas.storage import Folder
from schemas.tables import read_table
from schemas.text import UNIDATA_VERSION, normal_form

LISTED = pa.schema(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("sources", pa.list_(pa.string()), nullable=False),
        pa.field("count", pa.int64()),
        pa.field("pmi", pa.float64()),
        pa.field("views", pa.int64()),
    ]
)
"""One row per distinct text, in the order of the list; source is `NO_SOURCE` where the list knows none."""

NO_SOURCE = "list"


@dataclass(frozen=True, kw_only=True)
class ListedTexts:
    """One side of a comparison."""

    kind: str
    """``queries folder``, ``JSON list``, ``JSON object`` or ``text list``."""
    table: pa.Table
    """`LISTED`."""
    entries: int
    """Entries read; blank lines are none."""
    broken: int
    """Entries that are no text: not a JSON string, not UTF-8."""
    wordless: int
    """Entries without a word, so without a normal form."""
    duplicates: int
    """Entries that repeat a text before them."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources the list tells apart."""
        return SOURCES if self.kind == "queries folder" else (NO_SOURCE,)


def read_texts(path: str, exact: bool) -> ListedTexts:
    """Read the list at `path`; `exact` keeps texts as written (of a queries folder: the surface).

    Raises FileNotFoundError when there is none, ValueError when it is neither folder nor JSON nor text.
    """
    folder = Folder(path)
    if folder.fs.isdir(folder.root) or folder.exists(MANIFEST_FILE):
        return _read_folder(folder, exact)
    if not folder.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; expected a queries folder, a JSON or a text list")
    try:
        with fsspec.open(path, "rb", compression="infer") as source:
            data: bytes = source.read()
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{path}: cannot be unpacked whole, {type(error).__name__}: {error}") from None
    name = path.lower()
    return _read_json(path, data, exact) if ".json" in name.rsplit("/", 1)[-1] else _read_lines(data, exact)


def _read_folder(folder: Folder, exact: bool) -> ListedTexts:
    same_rule = read_manifest(folder, "queries")["unidata_version"] == UNIDATA_VERSION
    table = read_table(folder, "queries.parquet", QUERIES)
    texts = table["surface" if exact else "text"]
    if not exact and not same_rule:
        texts = pa.array([normal_form(text) for text in texts.to_pylist()], pa.string())
    columns = [texts, *(table[name].cast(LISTED.field(name).type) for name in LISTED.names[1:])]
    return _distinct("queries folder", pa.Table.from_arrays(columns, schema=LISTED), len(table), 0)


def _read_json(path: str, data: bytes, exact: bool) -> ListedTexts:
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: expected a JSON list of strings, {error}") from None
    if isinstance(value, dict):
        kind, texts = "JSON object", list(value)
        counts = [count if type(count) is int and abs(count) < 2**63 else None for count in value.values()]
    elif isinstance(value, list):
        kind, texts, counts = "JSON list", value, [None] * len(value)
    else:
        raise ValueError(
            f"{path}: expected a JSON list of strings or an object of counts, found {type(value).__name__}"
        )
    kept = [(text, count) for text, count in zip(texts, counts, strict=True) if _is_text(text)]
    broken = len(texts) - len(kept)
    return _from_strings(kind, [text for text, _ in kept], [count for _, count in kept], broken, exact)


def _is_text(value: Any) -> bool:
    """Tell whether a JSON value is a string that UTF-8 can hold: one with a lone surrogate cannot be stored."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _read_lines(data: bytes, exact: bool) -> ListedTexts:
    texts, broken = [], 0
    for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        stripped = line.strip(b"\r\n") if exact else line.strip()
        if stripped:
            try:
                texts.append(stripped.decode("utf-8"))
            except UnicodeDecodeError:
                broken += 1
    return _from_strings("text list", texts, [None] * len(texts), broken, exact)


def _from_strings(kind: str, texts: list[str], counts: list[Any], broken: int, exact: bool) -> ListedTexts:
    final = texts if exact else [normal_form(text) for text in texts]
    rows = len(final)
    columns = [
        pa.array(final, pa.string()),
        pa.repeat(NO_SOURCE, rows).cast(pa.string()),
        pa.array([[NO_SOURCE]] * rows, pa.list_(pa.string())),
        pa.array(counts, pa.int64()),
        pa.nulls(rows, pa.float64()),
        pa.nulls(rows, pa.int64()),
    ]
    return _distinct(kind, pa.Table.from_arrays(columns, schema=LISTED), rows + broken, broken)


def _distinct(kind: str, table: pa.Table, entries: int, broken: int) -> ListedTexts:
    worded = table.filter(pc.not_equal(table["text"], ""))
    first = pc.index_in(worded["text"], worded["text"].unique())  # number of the distinct text of each row
    numbered = pa.table({"number": first, "row": pa.array(range(len(worded)), pa.int64())})
    firsts = numbered.group_by("number").aggregate([("row", "min")])["row_min"].sort()
    distinct = worded.take(firsts)
    return ListedTexts(
        kind=kind, table=distinct, entries=entries, broken=broken, wordless=len(table) - len(worded),
        duplicates=len(worded) - len(distinct),
    )  # fmt: skip
