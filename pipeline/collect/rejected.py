"""How much of an input is broken: the counts of the parts in, or an error that says what is wrong with most of it."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.collect.extract import ARCHIVE_RECORDS, DROPPED, OF_FILE, PAIRS, PARTS, RECORDS, REJECTED, REJECTED_PAIRS
from pipeline.sources.source import RECORD
from schemas.rejection import REJECTIONS
from schemas.storage import Folder
from schemas.tables import read_table
from schemas.units import Unit

_LOOK = f"look at {PARTS}/*.rejections.parquet in the output folder"


class TooManyRejections(ValueError):
    """More of the input is broken than ``max_rejected_fraction`` allows."""


def check_rejected_fraction(output: Folder, parts: list[Unit], input_format: str, limit: float) -> None:
    """Raise `TooManyRejections` when more than `limit` of the records is broken: counts by reason, and an example.

    Of a web archive that is more than `limit` of its records, or of the pairs in them. A file that cannot be read, or
    not to its end, weighs as one broken record; where those decide, it is they that are told.
    """
    reasons = summed([unit.body.counts("rejected_by_reason") for unit in parts])
    faults = {reason: count for reason, count in reasons.items() if reason.startswith(OF_FILE)}
    compared = list(_compared(parts, sum(faults.values())))
    for what, rejected, total in compared:
        if rejected > limit * max(total, 1):
            of_records = {reason: count for reason, count in reasons.items() if reason not in faults}
            raise TooManyRejections(
                f"{rejected} of {total} {what} are broken, more than --max-rejected-fraction {limit}: {reasons}, "
                f"{_example(output, parts, max(of_records, key=lambda reason: of_records[reason]))}; {_LOOK}"
            )
    what, rejected, total = compared[0]
    weight = sum(faults.values())
    if weight and rejected + weight > limit * (total + weight):
        raise TooManyRejections(
            f"read as --input-format {input_format}, {_unread_files(output, parts, faults)}, and the input has "
            f"{total - rejected} good {what} beside (--max-rejected-fraction {limit}); leave such files out, fetch "
            f"them again, or name their format; {_LOOK}"
        )


def _unread_files(output: Folder, parts: list[Unit], faults: dict[str, int]) -> str:
    """Return how many files could not be read (whole), and which is the first and why."""
    rows = [
        row
        for unit in parts
        if faults.keys() & unit.body.counts("rejected_by_reason").keys()
        for row in _rejections(output, unit).to_pylist()
        if row["reason"] in faults
    ]
    files = len({row["source_file"] for row in rows})
    first = rows[0]
    whole = "" if first["reason"] == "file_unreadable" else " to its end"
    others = f"; {files} files are so" if files > 1 else ""
    return f"{first['source_file']} cannot be read{whole} ({first['reason']}: {first['value']}{others})"


def _compared(parts: list[Unit], of_files: int) -> Iterator[tuple[str, int, int]]:
    """Yield (what, how many are broken, how many there are), like with like; `of_files` rejections are no records."""
    counts = summed([unit.body.counts("counts") for unit in parts])
    rejected = counts.get(REJECTED, 0) - of_files
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
    rows = _rejections(output, unit)
    row = rows.filter(pc.equal(rows["reason"], reason)).slice(0, 1).to_pylist()[0]
    return f"such as {reason} at {row['position']} of {row['source_file']}: {row['value']!r}"


def _rejections(output: Folder, unit: Unit) -> pa.Table:
    return read_table(output, unit.files[1].name, REJECTIONS, record=unit.files[1])


def summed(counts: list[dict[str, int]]) -> dict[str, int]:
    """Return the sums of counts by name, sorted by name."""
    total: dict[str, int] = {}
    for found in counts:
        for name, value in found.items():
            total[name] = total.get(name, 0) + value
    return dict(sorted(total.items()))
