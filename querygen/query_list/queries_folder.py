"""Write the queries folder: ``queries.parquet``, ``counts/``, ``rejections/``, the manifest last."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from querygen.query_list.query_list import QueryList, overlap
from querygen.synsets.synsets import SynsetHead
from schemas.manifest import write_manifest
from schemas.query import COUNTS, FLOOR_KEY, QUERIES, SYNSET_HEADS
from schemas.query_source import SOURCES
from schemas.rejection import Rejection, by_reason, write_rejections
from schemas.storage import Folder
from schemas.tables import write_table

COUNT_COLUMNS = {"words": "count", "bigrams": "count", "titles": "views"}


def queries_table(chosen: QueryList, heads: list[SynsetHead], language: str) -> pa.Table:
    """Return the list as a `QUERIES` table; query ids are places in the list."""
    synsets = {head.text: list(head.synsets) for head in heads}
    queries = chosen.queries
    codes = pa.array([SOURCES.index(query.sources[0]) for query in queries], pa.int8())
    columns = {
        "query_id": pa.array(range(len(queries)), pa.int32()),
        "text": pa.array([query.text for query in queries], pa.string()),
        "surface": pa.array([query.surface for query in queries], pa.string()),
        "language": pa.array([language] * len(queries), pa.string()),
        "source": pa.DictionaryArray.from_arrays(codes, pa.array(SOURCES, pa.string())),
        "sources": pa.array([query.sources for query in queries], pa.list_(pa.string())),
        "count": pa.array([query.count for query in queries], pa.int64()),
        "pmi": pa.array([query.pmi for query in queries], pa.float32()),
        "views": pa.array([query.views for query in queries], pa.int64()),
        "synsets": pa.array([synsets.get(query.text) for query in queries], pa.list_(pa.string())),
    }
    return pa.Table.from_arrays([columns[name] for name in QUERIES.names], schema=QUERIES)


def synsets_table(heads: list[SynsetHead]) -> pa.Table:
    """Return all heads as a `SYNSET_HEADS` table, in their order."""
    columns = [[getattr(head, name) for head in heads] for name in SYNSET_HEADS.names]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SYNSET_HEADS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SYNSET_HEADS)


def write_queries_folder(
    folder: Folder,
    language: str,
    chosen: QueryList,
    counts: dict[str, pa.Table],
    heads: list[SynsetHead],
    rejected: list[Rejection],
    identity: str,
    summary: dict[str, Any],
) -> dict[str, Any]:
    """Write everything and return the manifest. `counts` are cut at ``summary["floors"]``, which goes along."""
    files = [write_table(folder, "queries.parquet", queries_table(chosen, heads, language), QUERIES)]
    for name, schema in COUNTS.items():
        floor = summary["floors"][name]
        kept = counts[name].filter(pc.greater_equal(counts[name][COUNT_COLUMNS[name]], floor))
        described = schema.with_metadata({FLOOR_KEY: str(floor).encode()})
        files.append(write_table(folder, f"counts/{name}.parquet", kept, described))
    files.append(write_table(folder, "counts/synsets.parquet", synsets_table(heads), SYNSET_HEADS))
    files.append(write_rejections(folder, "querygen", rejected))
    full = {
        **summary,
        "language": language,
        "sources": chosen.added,
        "budgets": chosen.budgets,
        "budgets_after_transfer": chosen.allowed,
        "available": chosen.available,
        "thresholds": chosen.thresholds,
        "notes": chosen.notes,
        "overlap": overlap(chosen.queries),
        "rejections": by_reason(rejected),
    }
    return write_manifest(folder, "queries", files, rows=len(chosen.queries), identity=identity, summary=full)
