"""The table at the end of the demo."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.demo.config import Scale
from tests.demo.outcome import Outcome
from tests.demo.promises import CHANCE, COLOUR_GUESSER, SHAPE_GUESSER
from tests.demo.steps import shown


def print_summary(
    console: Console, outcome: Outcome, asked: Scale, seconds: dict[str, float], total_s: float, output: Path
) -> None:
    """Print what came out of each stage, how long it took and where it lies."""
    table = Table(title="WebImageText, the whole way", title_style="bold", show_lines=False)
    table.add_column("stage", style="bold")
    table.add_column("result")
    table.add_column("s", justify="right")
    table.add_column("where", overflow="fold")
    run = output / "run"

    def took(title: str) -> str:
        return f"{seconds[title]:.0f}" if title in seconds else ""

    by_source = ", ".join(f"{outcome.queries[source]:,} {source}s" for source in ("word", "bigram", "title", "synset"))
    table.add_row("queries", f"{outcome.queries.total():,}: {by_source}", took("queries"), shown(output / "queries"))
    per_text = outcome.matches / max(1, outcome.candidates)
    broken = ", ".join(f"{count} {reason}" for reason, count in sorted(outcome.broken_rows.items()))
    table.add_row(
        "candidates", f"{outcome.candidates:,} pairs that match a query", took("pairs"), shown(run / "candidates")
    )
    table.add_row("", f"{outcome.matches:,} matches, {per_text:.2f} per pair")
    table.add_row("", f"rejected rows: {broken or 'none'}")
    table.add_row(
        "selected",
        f"{outcome.selected:,} pairs; {outcome.capped_queries} queries over the cap of {asked.max_pairs_per_query:,}",
        "", shown(run / "selection"),
    )  # fmt: skip
    fetched = outcome.images["success"]
    table.add_row("fetched", f"{fetched:,} of {outcome.images.total():,} images", "", shown(run / "shards"))
    for reason, count in sorted(outcome.images.items()):
        if reason != "success":
            table.add_row("", f"{count:,} {reason}")
    table.add_row("refill", f"{outcome.refill:,} more pairs for those that failed", "", shown(run / "selection-refill"))
    table.add_row("", f"{outcome.further_captions:,} of them captions of images stored before")
    samples = f"{outcome.samples:,} samples, {outcome.keys_twice:,} keys twice"
    table.add_row("shards", f"{outcome.shards} with {samples}", "", shown(run / "shards"))
    table.add_row("training", f"{outcome.samples_per_s:,.0f} samples/s", took("training"), shown(output / "training"))
    table.add_row("", f"one of two workers killed after {outcome.killed_after}")
    table.add_row(
        "zero-shot", f"{outcome.accuracy:.1%} on combinations never seen, 120 classes", took("zero-shot"),
        shown(output / "zero-shot"),
    )  # fmt: skip
    table.add_row(
        "", f"chance {CHANCE:.1%}; knowing only the colour {COLOUR_GUESSER:.1%}, only the shape {SHAPE_GUESSER:.1%}"
    )
    table.add_row("", f"colour right {outcome.colour_accuracy:.1%}, shape right {outcome.shape_accuracy:.1%}")
    table.add_row("total", "", f"{total_s:.0f}", shown(output))
    console.print(table)
