"""How much of an input is broken: the counts of the parts in, or an error that says what is wrong with most of it."""

from collections.abc import Iterator

import pyarrow.compute as pc

from pipeline.collect.extract import ARCHIVE_RECORDS, DROPPED, PAIRS, PARTS, RECORDS, REJECTED, REJECTED_PAIRS
from pipeline.sources.source import RECORD
from pipeline.units import Unit
from schemas.rejection import REJECTIONS
from schemas.storage import Folder
from schemas.tables import read_table


class TooManyRejections(ValueError):
    """More of the input is broken than ``max_rejected_fraction`` allows."""


def check_rejected_fraction(output: Folder, parts: list[Unit], limit: float) -> None:
    """Raise `TooManyRejections` when more than `limit` of the records is broken: counts by reason, and an example.

    Of a web archive that is more than `limit` of its records, or of the pairs in them.
    """
    for what, rejected, total in _compared(parts):
        if rejected > limit * max(total, 1):
            reasons = summed([unit.body.counts("rejected_by_reason") for unit in parts])
            raise TooManyRejections(
                f"{rejected} of {total} {what} are broken, more than --max-rejected-fraction {limit}: {reasons}, "
                f"{_example(output, parts, max(reasons, key=lambda reason: reasons[reason]))}; "
                f"look at {PARTS}/*.rejections.parquet in the output folder"
            )


def _compared(parts: list[Unit]) -> Iterator[tuple[str, int, int]]:
    """Yield (what, how many are broken, how many there are), like with like."""
    counts = summed([unit.body.counts("counts") for unit in parts])
    rejected = counts.get(REJECTED, 0)
    if ARCHIVE_RECORDS not in counts:
        yield "records", rejected, counts.get(RECORDS, 0)
        return
    pairs, rejected_pairs = (sum(unit.body.count(name) for unit in parts) for name in (PAIRS, REJECTED_PAIRS))
    left_out = sum(count for name, count in counts.items() if name.startswith(DROPPED + RECORD))
    broken = rejected - rejected_pairs
    yield "archive records", broken, counts[ARCHIVE_RECORDS] + left_out + broken
    yield "pairs", rejected_pairs, pairs


def _example(output: Folder, parts: list[Unit], reason: str) -> str:
    """Return where the first rejection for `reason` stands, and its value."""
    unit = next(unit for unit in parts if unit.body["rejected_by_reason"].get(reason))
    rows = read_table(output, unit.files[1].name, REJECTIONS, record=unit.files[1])
    row = rows.filter(pc.equal(rows["reason"], reason)).slice(0, 1).to_pylist()[0]
    return f"such as {reason} at {row['position']} of {row['source_file']}: {row['value']!r}"


def summed(counts: list[dict[str, int]]) -> dict[str, int]:
    """Return the sums of counts by name, sorted by name."""
    total: dict[str, int] = {}
    for found in counts:
        for name, value in found.items():
            total[name] = total.get(name, 0) + value
    return dict(sorted(total.items()))
