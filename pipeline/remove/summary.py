"""What `pipeline remove` says when it is done."""

from rich.console import Console

from pipeline.remove.job import RemoveReport
from pipeline.remove.take_out import TakenOut
from pipeline.summary import print_table
from schemas.removals import REMOVALS_NAME


def print_taken_out(report: TakenOut) -> None:
    """Print what went, and which folders were written again."""
    print_table(
        "remove",
        [
            ("images taken out of shards", report.images),
            ("  with captions", report.captions),
            ("pairs taken out of candidates", report.candidates),
            ("pairs taken out of selections", report.selected),
            ("tombstones added", report.tombstones),
            *[("finished, of a removal that was killed", url) for url in report.finished],
            *[("written again", url) for url in report.rewritten],
        ],
    )


def print_remove(report: RemoveReport) -> None:
    """Print what was noted, and where."""
    print_table(
        "remove",
        [
            ("removals that were there", report.before),
            ("named again", report.known),
            ("added", sum(report.added.values())),
            *[(f"  {reason}", count) for reason, count in sorted(report.added.items())],
            ("in", report.shards.path(REMOVALS_NAME)),
        ],
    )
    if report.unseen:
        Console().print(
            f"note: {report.unseen:,} samples of the shards were not among the features: embed them again, as after a "
            "refill, and filter anew",
            markup=False,
        )
