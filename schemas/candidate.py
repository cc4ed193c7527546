"""Candidates (pairs with their matched query ids) and the selection made of them."""

import pyarrow as pa

from schemas.arrow_types import schema_of
from schemas.buffers import ID

IMAGE_REF = pa.struct(
    [
        pa.field("root", pa.string()),
        pa.field("member", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("length", pa.int64()),
    ]
)
"""A local image: name of the input root, path below it (``shard.tar/name.jpg`` inside a tar), and for a
tar member the byte range of the image in the tar file."""

QUERY_IDS = pa.list_(pa.field("item", pa.int32(), nullable=False))

_CANDIDATE_FIELDS: list[pa.Field] = [
    pa.field("pair_id", ID, nullable=False),
    pa.field("image_id", ID, nullable=False),
    pa.field("url", pa.string()),
    pa.field("image_ref", IMAGE_REF),
    pa.field("caption", pa.string(), nullable=False),
    pa.field("text_source", pa.string(), nullable=False),
    pa.field("page_url", pa.string()),
    pa.field("source_file", pa.string(), nullable=False),
    pa.field("source_row", pa.int64(), nullable=False),
    pa.field("language", pa.string()),
    pa.field("language_score", pa.float32()),
    pa.field("license", pa.string()),
    pa.field("query_ids", QUERY_IDS, nullable=False),
]

ADDED_COLUMNS = frozenset({"language_score", "stored"})
"""Columns that folders of an older minor version lack (since 1.2, since 1.4); all may be null."""

_SELECTION_FIELDS = [
    pa.field("rank", pa.uint64(), nullable=False),
    pa.field("kept_by", QUERY_IDS, nullable=False),
    pa.field("stored", pa.bool_()),
    pa.field("shard", pa.int32(), nullable=False),
    pa.field("key", pa.string(), nullable=False),
]


def candidate_schema(extra: pa.StructType | None = None) -> pa.Schema:
    """Return the schema of ``candidates/*.parquet``.

    At least one of url and image_ref is set. With an image_ref the image is there and is read from it; its url, where
    there is one, tells where it came from (since 1.4; before, exactly one was set). query_ids is ascending, without
    repeats, never empty. language_score is the sureness (0 .. 1) of an identified language, null where the input
    declares it or nothing was identified. `extra` holds the columns carried through from the input, by an allow list.
    """
    extra_field = [pa.field("extra", extra)] if extra is not None and extra.num_fields else []
    return schema_of(_CANDIDATE_FIELDS + extra_field)


def with_added_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return `table`, candidates or a selection of perhaps an older minor version, with the columns added since."""
    for place, field in enumerate(schema):
        if field.name in ADDED_COLUMNS and field.name not in table.schema.names and place <= table.num_columns:
            table = table.add_column(place, field, pa.nulls(len(table), field.type))
    return table


def selection_schema(extra: pa.StructType | None = None) -> pa.Schema:
    """Return the schema of ``selection/NNNNN.parquet``, one file per shard: candidates plus

    rank (uint64, see `schemas.identity`), kept_by (the queries that keep the pair, ascending), stored (a refill: the
    image lies in the shards of an earlier round and is not fetched again; null: it is not), shard (number of the plan)
    and key (hex of image_id). Rows are sorted by (image_id, rank, pair_id).
    """
    return pa.schema(list(candidate_schema(extra)) + _SELECTION_FIELDS)


QUERY_COUNTS = pa.schema(
    [
        pa.field("query_id", pa.int32(), nullable=False),
        pa.field("matched", pa.int64(), nullable=False),
        pa.field("kept", pa.int64(), nullable=False),
        pa.field("selected", pa.int64(), nullable=False),
        pa.field("fetched", pa.int64(), nullable=False),
        pa.field("threshold", pa.uint64()),
    ]
)
"""``tables/query_counts.parquet``: one row per query, in query_id order. selected counts the selected pairs that
match the query, kept those this query keeps; fetched counts the pairs matching it whose image earlier rounds fetched (0
in a first selection; since 1.3); threshold is the highest rank kept, null = uncapped."""
