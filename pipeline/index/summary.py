"""What was indexed, as a table on the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from pipeline.summary import print_table
from schemas.stored_index import ShardIndex


@dataclass(frozen=True)
class IndexReport:
    """The index of one folder."""

    index: ShardIndex
    folder: str
    seconds: float | None
    """None: it was made before."""


def print_index(reports: Sequence[IndexReport]) -> None:
    """Print a table a folder: tars, samples, what is no sample with an example, size, time, place."""
    for report in reports:
        print_table("pipeline index", _rows(report))


def _rows(report: IndexReport) -> list[tuple[str, object]]:
    rows = report.index.rows
    left_out, passed_over = (int(pc.sum(rows[name]).as_py() or 0) for name in ("left_out", "passed_over"))
    examples = rows.filter(pc.not_equal(rows["example"], ""))
    cut = rows.filter(pc.invert(rows["is_whole"]))
    found: list[tuple[str, object]] = [
        ("tars", len(rows)),
        ("samples", int(pc.sum(rows["samples"]).as_py() or 0)),
        ("keys that are no sample", left_out),
    ]
    if len(examples):
        found.append(("  such as", f"{examples['tar'][0]}: {examples['example'][0]}"))
    found.append(("members of no key", passed_over))
    if len(cut):
        found.append(("tars cut off or damaged", f"{len(cut):,} ({cut['tar'][0]}, ...): what is damaged is left out"))
    found.append(("size", f"{(pc.sum(rows['tar_bytes']).as_py() or 0) / 1e9:,.2f} GB"))
    found.append(("seconds", "made before" if report.seconds is None else f"{report.seconds:,.1f}"))
    return [*found, ("tars in", report.folder), ("index", report.index.where)]
