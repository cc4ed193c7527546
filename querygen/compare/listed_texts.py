"""A list of queries from anywhere, as one table: what ``querygen compare`` sets side by side.

In: a queries folder, or a file that `schemas.query_texts` reads. Out: `ListedTexts`.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import values_of
from schemas.manifest import MANIFEST_FILE, read_current_manifest, read_manifest
from schemas.query import QUERIES
from schemas.query_source import SOURCES
from schemas.query_texts import EXPECTED, read_query_texts
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
        raise FileNotFoundError(f"{path}: no such file or folder; expected a queries folder, {EXPECTED}")
    found = read_query_texts(path)
    return _from_strings(found.kind, found.texts, found.counts, len(found.broken), found.empty, exact)


def _read_folder(folder: Folder, exact: bool) -> ListedTexts:
    if exact:
        manifest = read_manifest(folder, "queries")
    else:
        manifest = read_current_manifest(folder, "queries", "; or compare its surfaces: --exact")
    same_rule = manifest.get("unidata_version") == UNIDATA_VERSION
    table = read_table(folder, "queries.parquet", QUERIES)
    texts: pa.Array | pa.ChunkedArray = table["surface" if exact else "text"]
    if not exact and not same_rule:
        texts = pa.array([normal_form(text) for text in values_of(texts)], pa.string())
    columns = [texts, *(table[name].cast(LISTED.field(name).type) for name in LISTED.names[1:])]
    return _distinct("queries folder", pa.Table.from_arrays(columns, schema=LISTED), len(table), 0)


def _from_strings(
    kind: str, texts: list[str], counts: list[int | None], broken: int, empty: int, exact: bool
) -> ListedTexts:
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
    return _distinct(kind, pa.Table.from_arrays(columns, schema=LISTED), rows + broken + empty, broken, empty)


def _distinct(kind: str, table: pa.Table, entries: int, broken: int, empty: int = 0) -> ListedTexts:
    worded = table.filter(pc.not_equal(table["text"], ""))
    first = pc.index_in(worded["text"], worded["text"].unique())  # number of the distinct text of each row
    numbered = pa.table({"number": first, "row": pa.array(range(len(worded)), pa.int64())})
    firsts = numbered.group_by("number").aggregate([("row", "min")])["row_min"].sort()
    distinct = worded.take(firsts)
    return ListedTexts(
        kind=kind, table=distinct, entries=entries, broken=broken, wordless=empty + len(table) - len(worded),
        duplicates=len(worded) - len(distinct),
    )  # fmt: skip
