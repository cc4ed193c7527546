"""What ``querygen build`` prints at its end: the manifest's summary in, a table and a few lines out."""

import textwrap
from typing import Any

from rich.console import Console
from rich.table import Table

from querygen.counts.count_pages import left_out_pages
from querygen.counts.counts_folder import LOSSES
from querygen.query_list.query_list import NOT_OF_THE_LAST
from schemas.printable import one_line, printable
from schemas.query_source import SOURCES

REJECTIONS_FILE = "rejections/querygen.parquet"
_LOSS_NAMES = {
    "block_damaged": "damaged block",
    "file_truncated": "truncated file",
    "file_unreadable": "unreadable file",
}


def print_summary(summary: dict[str, Any], url: str, console: Console | None = None) -> None:
    """Print queries by source with budgets and thresholds, inputs, what was left out and why, losses."""
    console = console or Console()
    table = Table(title=f"{sum(summary['sources'].values()):,} queries")
    for heading in ("source", "queries", "budget", "available", "brings", "threshold reached"):
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
    for line in summary_lines(summary, console.width):
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
    console.print(f"written to {one_line(url)}", markup=False, highlight=False, soft_wrap=True)


def summary_lines(summary: dict[str, Any], width: int) -> list[str]:
    """Return what stands below the table, in lines of at most `width` characters."""
    dump = summary["dump"]
    rows = [
        (
            "articles",
            f"{dump['articles']:,} of {dump['pages']:,} pages, {dump['words']:,} words "
            f"({dump['distinct_words']:,} distinct)",
        ),
        ("titles", _titles(summary)),
        ("WordNet", f"{summary['wordnet']['version']}: {_number(summary['wordnet']['synsets'], 'synset')}"),
    ]
    rows += [("left out", f"pages: {text}") for text in left_out_pages(dump)]
    rows += [("left out", text) for text in _dropped(summary)]
    rows += [("note", note) for note in summary["notes"]]
    broken = [(reason, count) for reason, count in summary["rejections"].items() if reason not in LOSSES]
    if broken:
        rows.append(("rejected", f"{_listed(broken)} ({REJECTIONS_FILE})"))
    lost = [
        _number(count, _LOSS_NAMES.get(reason, reason))
        for reason, count in summary["rejections"].items()
        if reason in LOSSES
    ]
    if lost:
        rows.append(
            ("damaged", f"{', '.join(lost)}: the list is made of the rest; where, says {REJECTIONS_FILE}; exit code 3")
        )
    return [line for name, text in rows for line in _wrapped(name, text, width)]


def _wrapped(name: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=f"{name:<10}", subsequent_indent=" " * 10, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _titles(summary: dict[str, Any]) -> str:
    views = summary["page_views"]
    if not views["lines"]:
        if summary["titles_ranked_by"] == "length":
            return "ranked by the length of the article: no page views given"
        return "none: no page views given"
    found = views["titles"]
    text = f"{views['lines']:,} lines of page views: {_of(found, 'viewed')}"
    if found.get("redirected", {}).get("titles"):
        text += f"; {_of(found, 'redirected')} followed as redirects"
    return f"{text}; {_of(found, 'kept')} counted"


def _of(found: dict[str, dict[str, int]], what: str) -> str:
    titles, views = (found.get(what, {}).get(kind, 0) for kind in ("titles", "views"))
    return f"{_number(titles, 'title')} with {_number(views, 'view')}"


def _dropped(summary: dict[str, Any]) -> list[str]:
    """Return a text for each source of which something was left out."""
    floor = summary["floors"]["bigrams"]
    texts = []
    for source in SOURCES:
        reasons = [(reason, count) for reason, count in summary["dropped"][source].items() if count]
        reasons.sort(key=lambda item: (-item[1], item[0]))
        text = _listed(reasons)
        if source == "bigram" and floor > 1:
            # less is not kept, so how many those are is not known
            text = text.replace("below min bigram count", f"below min bigram count (seen {floor:,} times or more)")
        if text:
            texts.append(f"{source}s: {text}")
    return texts


def _listed(reasons: list[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in reasons)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _threshold(reached: dict[str, Any] | None) -> str:
    if reached is None:
        return "-"
    last = {name: value for name, value in reached.items() if name not in NOT_OF_THE_LAST and value is not None}
    values = [f"{name} {value:,}" for name, value in last.items()]
    said = f"{', '.join(values)} ({reached['text']})" if values else str(reached["text"])
    return said if reached.get("least_count") is None else f"{said}\nleast count {reached['least_count']:,}"
