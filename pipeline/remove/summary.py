"""What `pipeline remove` says when it is done."""

from rich.console import Console

from pipeline.remove.job import RemoveReport
from pipeline.summary import print_table
from schemas.removals import REMOVALS_NAME


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
