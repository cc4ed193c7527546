"""The query list: ``queries/queries.parquet`` and the counts beside it."""

import pyarrow as pa

from schemas.arrow_types import schema_of

QUERIES = schema_of(
    [
        pa.field("query_id", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("surface", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("source", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("sources", pa.list_(pa.string()), nullable=False),
        pa.field("count", pa.int64()),
        pa.field("pmi", pa.float32()),
        pa.field("views", pa.int64()),
        pa.field("synsets", pa.list_(pa.string())),
    ]
)
"""query_id 0 .. n-1 dense over all languages of the folder; text is in normal form, unique per language;
surface the most frequent spelling with its case; count of the word or bigram, null for the others."""

WORD_COUNTS = schema_of(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("surface", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)

BIGRAM_COUNTS = schema_of(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("surface", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("first_count", pa.int64(), nullable=False),
        pa.field("second_count", pa.int64(), nullable=False),
    ]
)

TITLE_COUNTS = schema_of(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("surface", pa.string(), nullable=False),
        pa.field("views", pa.int64(), nullable=False),
    ]
)

SYNSET_HEADS = pa.schema(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("surface", pa.string(), nullable=False),
        pa.field("synsets", pa.list_(pa.string()), nullable=False),
        pa.field("tag_count", pa.int64(), nullable=False),
    ]
)
"""``counts/synsets.parquet``: every head, in the list or not, most tagged first; nothing is cut (since 1.1)."""

COUNTS = {"words": WORD_COUNTS, "bigrams": BIGRAM_COUNTS, "titles": TITLE_COUNTS}
"""``counts/{words,bigrams,titles}.parquet``. The floor under which counts were not kept is in the schema
metadata under `FLOOR_KEY` and in the manifest's summary."""

FLOOR_KEY = b"floor"
