"""The table that ends ``querygen build``."""

from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.query import SOURCES


def print_summary(summary: dict[str, Any], url: str) -> None:
    """Print queries by source with budgets and thresholds, what was moved between budgets, and rejections."""
    console = Console(soft_wrap=True)
    total = sum(summary["sources"].values())
    table = Table(title=f"{total:,} queries")
    for heading in ("source", "queries", "budget", "available", "in the list by this source", "threshold reached"):
        table.add_column(heading, justify="left" if heading in ("source", "threshold reached") else "right")
    for source in SOURCES:
        table.add_row(
            source,
            f"{summary['sources'][source]:,}",
            f"{summary['budgets'][source]:,}",
            f"{summary['available'][source]:,}",
            f"{summary['overlap'][source][source]:,}",
            _threshold(summary["thresholds"].get(source)),
        )
    console.print(table)
    dump = summary["dump"]
    console.print(
        f"dump: {dump['articles']:,} articles of {dump['pages']:,} pages, {dump['words']:,} words "
        f"({dump['distinct_words']:,} distinct); page views: {summary['page_views']['lines']:,} lines; "
        f"WordNet {summary['wordnet']['version']}: {summary['wordnet']['synsets']:,} synsets"
    )
    for note in summary["notes"]:
        console.print(f"note: {note}")
    for reason, count in summary["rejections"].items():
        console.print(f"rejected: {reason} {count:,} (rejections/querygen.parquet)")
    console.print(f"written to {url}")


def _threshold(reached: dict[str, Any] | None) -> str:
    if reached is None:
        return "-"
    values = [f"{name} {value:,}" for name, value in reached.items() if name != "text" and value is not None]
    return f"{', '.join(values)} ({reached['text']})"
