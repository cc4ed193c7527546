"""Rows of a list to plans of images: checked, each pair once, in the order of the shards. Pure.

What a list has that candidates have not: no query is asked of it, and a caption may be missing.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.balance.selected import image_starts, in_shard_order
from pipeline.collect.deduplicate import Reduction
from pipeline.collect.drops import DROPS
from pipeline.collect.extract import Extracted
from pipeline.collect.raw_pairs import check_pairs
from pipeline.filter.language.language import without_scores
from pipeline.listing.config import ListingOptions
from schemas.buffers import one_chunk
from schemas.candidate import QUERY_IDS, candidate_schema
from schemas.identity import ranks, seed_key

RANK_KEY = seed_key(0)
"""Of the order of an image's captions."""


class ReductionByImage(Reduction):
    """Each pair once; the pairs of an image meet in one partition."""

    @property
    def partition_column(self) -> str:
        return "image_id"


def listed_table(raw: pa.Table, source_file: str, options: ListingOptions) -> Extracted:
    """Check a raw table (`pipeline.sources.source.raw_schema`) and give its good rows ids: all are candidates.

    Their query_ids are empty.
    """
    checked = check_pairs(
        raw, options.max_caption_bytes, options.drop_tracking_parameters, options.undoes_html_references,
        options.needs_captions,
    )  # fmt: skip
    pairs = without_scores(checked.pairs)
    pairs = pairs.append_column("query_ids", no_queries(len(pairs)))
    pairs = pairs.append_column("source_file", pa.repeat(pa.scalar(source_file, pa.string()), len(pairs)))
    schema = candidate_schema(raw.schema.field("extra").type if "extra" in raw.schema.names else None)
    return Extracted(pairs.select(schema.names).cast(schema), DROPS.empty_table(), checked.broken)


def no_queries(rows: int) -> pa.ListArray:
    """Return a column of empty lists of queries."""
    offsets = pa.array(np.zeros(rows + 1, dtype=np.int32), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array([], pa.int32()), type=QUERY_IDS)


def in_plan_order(pairs: pa.Table) -> pa.Table:
    """Return candidates, each pair once, with rank, kept_by and stored, sorted by (image_id, rank, pair_id).

    Of an image that has a caption, a pair without one is left out.
    """
    rank = pa.array(ranks(pairs["pair_id"], RANK_KEY))
    selected = pairs.append_column("rank", rank).append_column("kept_by", no_queries(len(pairs)))
    ordered = _without_needless(in_shard_order(selected))
    return ordered.append_column("stored", pa.array(np.zeros(len(ordered), dtype=np.bool_)))


def has_caption(pairs: pa.Table) -> pa.Array:
    """Tell which rows have a caption."""
    return pc.greater(pc.binary_length(one_chunk(pairs["caption"])), 0)


def _without_needless(ordered: pa.Table) -> pa.Table:
    """Return rows in shard order without those that have no caption where their image has one."""
    has = has_caption(ordered).to_numpy(zero_copy_only=False)
    if has.all():
        return ordered
    starts = image_starts(ordered)
    of_image = np.repeat(np.logical_or.reduceat(has, starts), np.diff(np.append(starts, len(ordered))))
    return ordered.filter(pa.array(has | ~of_image))
