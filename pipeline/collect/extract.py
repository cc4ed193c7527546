"""Extract: one input split in, the split's part of matched candidates out. No shuffle, flat memory.

A split writes ``parts/NNNNN.arrow`` (candidates, unsorted, duplicates not yet removed), its rejections and a
sample of its drops, then commits; a finished split is never done again.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.collect.config import CollectOptions
from pipeline.collect.drops import DROPS, SampledDrops
from pipeline.collect.extra_columns import KINDS
from pipeline.collect.raw_pairs import check_pairs
from pipeline.filter.filters import Filters
from pipeline.match.query_matcher import QueryMatcher
from pipeline.shuffle.elements import bounded
from pipeline.sources.source import RECORD, Broken, Dropped, InputSplit, Noted, Read, Source
from schemas.candidate import candidate_schema
from schemas.rejection import REJECTIONS, Rejection, by_reason, rejections
from schemas.storage import FileRecord, Folder
from schemas.tables import content_bytes, write_tables, writing_stream
from schemas.units import commit_unit

PARTS = "parts"
RECORDS, REJECTED, ALL_DROPPED, MATCHED_PAIRS, MATCHES = "records", "rejected", "dropped", "matched_pairs", "matches"
ARCHIVE_RECORDS, CUT_RECORDS = "archive_records", "archive_records_cut"
"""Of web archives: records that were read, and those of them that end early. What they gave counts as records."""
OF_FILE = "file_"
"""Begins the reasons that are about a whole file and no record."""
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


def _drops(rows: pa.Table, reason: str, source_file: str) -> pa.Table:
    size = len(rows)
    columns = [_repeated(reason, size), rows["pair_id"], _repeated(source_file, size), rows["source_row"]]
    return pa.Table.from_arrays([*columns, rows["caption"]], schema=DROPS)


def _repeated(value: str, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), size)


class SplitTally:
    """What the items of one split came to."""

    def __init__(self, source_file: str, root_name: str, open_columns: Iterable[str]) -> None:
        """`root_name` names what is broken where no file does: in a folder of images."""
        self.counts = Counter({RECORDS: 0})
        """Names as in the report, those with a reason too."""
        self.broken: list[Rejection] = []
        self.drops = SampledDrops()
        self.extra_kinds = dict.fromkeys(sorted(open_columns), 0)
        self.num_pairs = self.num_rejected_pairs = self.content_bytes = 0
        self._source_file, self._root_name = source_file, root_name

    def add_item(self, item: Broken | Dropped | Read | Noted) -> None:
        """Count what a source gives beside its pairs."""
        if isinstance(item, Broken):
            self.broken.append(Rejection(item.reason, self._source_file or self._root_name, item.position, item.value))
            self.counts[RECORDS] += not item.reason.startswith(OF_FILE)
        elif isinstance(item, Read):
            self.counts.update({ARCHIVE_RECORDS: item.count, CUT_RECORDS: item.num_cut})
        elif isinstance(item, Dropped):
            self.counts.update({DROPPED + item.reason: item.count, RECORDS: item.count})
            self.num_pairs += 0 if item.reason.startswith(RECORD) else item.count
        else:
            self.extra_kinds.update(item.kinds)
            self.counts.update({UNFIT + column: count for column, count in item.unfit.items()})

    def add(self, raw: pa.Table, found: Extracted) -> None:
        """Count the rows of a `raw` table and what was `found` in them."""
        positions = raw["source_row"]
        self.broken.extend(
            Rejection(why, self._source_file, positions[row].as_py(), value) for row, why, value in found.broken
        )
        reasons = pc.value_counts(found.drops["reason"]).to_pylist()
        self.counts.update({DROPPED + reason["values"]: reason["counts"] for reason in reasons})
        matches = pc.sum(pc.list_value_length(found.candidates["query_ids"])).as_py() or 0
        self.counts.update({RECORDS: len(raw), MATCHED_PAIRS: len(found.candidates), MATCHES: int(matches)})
        self.num_pairs += len(raw)
        self.num_rejected_pairs += len(found.broken)
        self.content_bytes += content_bytes(found.candidates) if len(found.candidates) else 0
        self.drops.add(found.drops)


def extract_split(
    split: InputSplit, source: Source, extract: Callable[[pa.Table, str], Extracted], output: Folder
) -> dict[str, int]:
    """Read `split`, write its part and commit it; return the counts, those by reason too.

    `extract` makes candidates of a raw table and the name of its file.
    """
    name = f"{PARTS}/{split.index:05d}"
    tally = SplitTally(split.name, source.root_name, source.open_columns)
    with writing_stream(output, f"{name}.arrow", candidate_schema(source.extra)) as part:
        for item in source.read(split):
            if not isinstance(item, pa.Table):
                tally.add_item(item)
                continue
            for raw in bounded(item):
                found = extract(raw, split.name)
                tally.add(raw, found)
                if len(found.candidates):
                    part.write(found.candidates)
    assert part.record is not None
    return _commit_part(tally, output, name, part.record)


def _commit_part(tally: SplitTally, output: Folder, name: str, part: FileRecord) -> dict[str, int]:
    """Write rejections and drops beside a part and commit it; return the counts, those by reason too."""
    rejected, reasons = rejections("collect", tally.broken), by_reason(tally.broken)
    files = [
        part,
        write_tables(output, f"{name}.rejections.parquet", [rejected], REJECTIONS),
        write_tables(output, f"{name}.drops.parquet", [tally.drops.sample], DROPS),
    ]
    counts = {**tally.counts, REJECTED: len(tally.broken)}
    body = {
        "counts": counts, "rejected_by_reason": reasons, CONTENT_BYTES: tally.content_bytes,
        PAIRS: tally.num_pairs, REJECTED_PAIRS: tally.num_rejected_pairs, KINDS: tally.extra_kinds,
    }  # fmt: skip
    commit_unit(output, f"{name}.json", files, body)
    dropped = sum(count for reason, count in counts.items() if reason.startswith(DROPPED))
    return {**counts, ALL_DROPPED: dropped, **{REJECTED_FOR + reason: count for reason, count in reasons.items()}}
