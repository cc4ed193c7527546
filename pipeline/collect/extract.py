"""Extract: one input split in, the split's part of matched candidates out. No shuffle, flat memory.

A split writes ``parts/NNNNN.arrow`` (candidates, unsorted, duplicates not yet removed), its rejections and a
sample of its drops, then commits; a finished split is never done again.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.collect.config import CollectOptions
from pipeline.collect.extra_columns import KINDS
from pipeline.collect.raw_pairs import check_pairs
from pipeline.filter.filters import Filters
from pipeline.match.query_matcher import QueryMatcher
from pipeline.shuffle.elements import bounded
from pipeline.sources.source import RECORD, Broken, Dropped, InputSplit, Noted, Read, Source
from schemas.arrow_types import schema_of, values_of
from schemas.buffers import ID, sortable_ids
from schemas.candidate import candidate_schema
from schemas.rejection import REJECTIONS, Rejection, by_reason, rejections
from schemas.storage import Folder
from schemas.tables import content_bytes, write_stream, write_tables
from schemas.units import commit_unit

PARTS = "parts"
MAX_SAMPLED_DROPS = 1_000
"""Drops kept per reason: those of lowest pair_id, which is a hash."""

DROPS = schema_of(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("pair_id", ID, nullable=False),
        pa.field("source_file", pa.string(), nullable=False),
        pa.field("source_row", pa.int64(), nullable=False),
        pa.field("caption", pa.string(), nullable=False),
    ]
)

RECORDS, REJECTED, ALL_DROPPED, MATCHED_PAIRS, MATCHES = "records", "rejected", "dropped", "matched_pairs", "matches"
ARCHIVE_RECORDS, CUT_RECORDS = "archive_records", "archive_records_cut"
OF_FILE = "file_"
"""Begins the reasons that are about a whole file and no record."""
"""Of web archives: records that were read, and those of them that end early. What they gave counts as records."""
NO_MATCH = "no_match"
"""Reason of a drop; the filters' reasons come before it."""
DROPPED = "dropped_"
"""A reason with this before it counts its drops."""
UNFIT = "unfit_"
"""A column's name with this before it counts its values that could not be carried."""
REJECTED_FOR = "rejected_"
"""A reason with this before it counts its rejections."""
PAIRS, REJECTED_PAIRS = "pairs", "rejected_pairs"
"""Of a part: pairs (and images without) that were seen, and those of them that are rejections. The other rejections are
records, which are pairs too but in web archives."""
CONTENT_BYTES = "content_bytes"
"""What the candidates of a part take, however they are cut: decides the number of partitions."""


@dataclass
class Extracted:
    """What one table of a split gave."""

    candidates: pa.Table
    drops: pa.Table
    broken: list[tuple[int, str, bytes | None]]


def extract_table(
    raw: pa.Table, source_file: str, matcher: QueryMatcher, filters: Filters, options: CollectOptions
) -> Extracted:
    """Check, filter, match and split one raw table into candidates and drops."""
    checked = check_pairs(
        raw, options.max_caption_bytes, options.drop_tracking_parameters, options.undoes_html_references
    )
    filtered = filters.apply(checked.pairs)
    pairs = filtered.pairs
    query_ids = matcher.match(pairs)
    pairs = pairs.append_column("query_ids", query_ids)
    pairs = pairs.append_column("source_file", _repeated(source_file, len(pairs)))
    matched = pc.greater(pc.list_value_length(query_ids), 0)
    extra = raw.schema.field("extra").type if "extra" in raw.schema.names else None
    schema = candidate_schema(extra)
    dropped = list(filtered.dropped)
    candidates = pairs.select(schema.names)
    if not pc.all(matched).as_py():  # filtering copies every column: only those that go on
        unmatched = pairs.select(["pair_id", "source_row", "caption"]).filter(pc.invert(matched))
        dropped.append((NO_MATCH, unmatched))
        candidates = candidates.filter(matched)
    drops = [_drops(rows, reason, source_file) for reason, rows in dropped]
    return Extracted(candidates.cast(schema), pa.concat_tables([DROPS.empty_table(), *drops]), checked.broken)


def drops_of(rows: pa.Table, reason: str) -> pa.Table:
    """Return the drops that `rows` (candidates) are for `reason`."""
    columns = [_repeated(reason, len(rows)), *(rows[name] for name in DROPS.names[1:])]
    return pa.Table.from_arrays(columns, schema=DROPS)


def _drops(rows: pa.Table, reason: str, source_file: str) -> pa.Table:
    size = len(rows)
    columns = [_repeated(reason, size), rows["pair_id"], _repeated(source_file, size), rows["source_row"]]
    return pa.Table.from_arrays([*columns, rows["caption"]], schema=DROPS)


def _repeated(value: str, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), size)


def extract_split(
    split: InputSplit, source: Source, matcher: QueryMatcher, filters: Filters, options: CollectOptions, output: Folder
) -> dict[str, int]:  # fmt: skip
    """Read `split`, write its part and commit it; return the counts, those by reason too."""
    counts: Counter[str] = Counter()
    broken: list[Rejection] = []
    sampled = DROPS.empty_table()
    unread = pairs = rejected_pairs = size = 0  # unread: records that gave no row; size: bytes of the candidates
    extra_kinds = dict.fromkeys(sorted(source.open_columns), 0)
    name = f"{PARTS}/{split.index:05d}"

    def tables() -> Iterator[pa.Table]:
        nonlocal sampled, unread, pairs, rejected_pairs, size
        for item in source.read(split):
            if isinstance(item, Broken):
                broken.append(Rejection(item.reason, split.name or source.root_name, item.position, item.value))
                unread += not item.reason.startswith(OF_FILE)
                continue
            if isinstance(item, Read):
                counts[ARCHIVE_RECORDS] += item.count
                counts[CUT_RECORDS] += item.num_cut
                continue
            if isinstance(item, Dropped):
                counts[DROPPED + item.reason] += item.count
                counts[RECORDS] += item.count
                pairs += 0 if item.reason.startswith(RECORD) else item.count
                continue
            if isinstance(item, Noted):
                extra_kinds.update(item.kinds)
                counts.update({UNFIT + column: count for column, count in item.unfit.items()})
                continue
            for raw in bounded(item):
                found = extract_table(raw, split.name, matcher, filters, options)
                positions = raw["source_row"]
                broken.extend(
                    Rejection(why, split.name, positions[row].as_py(), value) for row, why, value in found.broken
                )
                counts[RECORDS] += len(raw)
                pairs += len(raw)
                rejected_pairs += len(found.broken)
                for reason in pc.value_counts(found.drops["reason"]).to_pylist():
                    counts[DROPPED + reason["values"]] += reason["counts"]
                counts[MATCHED_PAIRS] += len(found.candidates)
                counts[MATCHES] += int(pc.sum(pc.list_value_length(found.candidates["query_ids"])).as_py() or 0)
                sampled = sample_drops(pa.concat_tables([sampled, found.drops]))
                if len(found.candidates):
                    size += content_bytes(found.candidates)
                    yield found.candidates

    files = [write_stream(output, f"{name}.arrow", tables(), candidate_schema(source.extra))]
    counts[REJECTED] = len(broken)
    counts[RECORDS] += unread
    rejected = rejections("collect", broken)
    files.append(write_tables(output, f"{name}.rejections.parquet", [rejected], REJECTIONS))
    files.append(write_tables(output, f"{name}.drops.parquet", [sampled], DROPS))
    reasons = by_reason(broken)
    body = {
        "counts": dict(counts), "rejected_by_reason": reasons, CONTENT_BYTES: size,
        PAIRS: pairs, REJECTED_PAIRS: rejected_pairs, KINDS: extra_kinds,
    }  # fmt: skip
    commit_unit(output, f"{name}.json", files, body)
    dropped = sum(count for name, count in counts.items() if name.startswith(DROPPED))
    return {**counts, ALL_DROPPED: dropped, **{REJECTED_FOR + reason: count for reason, count in reasons.items()}}


def sample_drops(drops: pa.Table) -> pa.Table:
    """Keep the `MAX_SAMPLED_DROPS` drops of lowest pair_id per reason (and each pair_id once), in that order."""
    ids = sortable_ids(drops["pair_id"])
    reason_codes = drops["reason"].combine_chunks().dictionary_encode()
    names = values_of(reason_codes.dictionary)
    order_of_name = np.argsort(np.argsort(names)) if names else np.zeros(0, dtype=np.int64)
    codes: npt.NDArray[np.int64] = order_of_name[reason_codes.indices.to_numpy(zero_copy_only=False)]
    rows = drops["source_row"].to_numpy()
    order = np.lexsort((rows, ids[:, 1], ids[:, 0], codes))
    repeated = np.zeros(len(order), dtype=bool)
    if len(order) > 1:
        a, b = order[1:], order[:-1]
        repeated[1:] = (codes[a] == codes[b]) & (ids[a] == ids[b]).all(axis=1)
    order = order[~repeated]
    kept = [order[codes[order] == code][:MAX_SAMPLED_DROPS] for code in range(len(names))]
    return drops.take(pa.array(np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)))
