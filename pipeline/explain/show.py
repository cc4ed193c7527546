"""The facts of explain on the terminal: tables, or JSON."""

from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.summary import cell, print_table
from schemas.printable import printable_json

NESTED = ("top_queries", "queries")


def print_facts(facts: dict[str, Any], as_json: bool) -> None:
    """Print what `run_explain` returned."""
    if as_json:
        print(printable_json(facts, indent=2))
        return
    titles = {"before": "a balance of these candidates", "after": "the selection"}
    for name, title in titles.items():
        if name in facts:
            print_table(title, _plain(facts[name]))
            _print_rows("queries with most matches", facts[name]["top_queries"])
    if "queries" in facts:
        _print_rows("queries asked for", facts["queries"])
    for pair in facts.get("pairs", []):
        print_table("pair", _plain(pair))
        _print_rows("its queries", pair["queries"])


def _plain(facts: dict[str, Any]) -> list[tuple[str, Any]]:
    rows = [(name, value) for name, value in facts.items() if name not in NESTED]
    return [
        (name.replace("_", " "), ", ".join(f"{key} {count:,}" for key, count in value.items()))
        if isinstance(value, dict)
        else (name.replace("_", " "), str(value) if value is None else value)
        for name, value in rows
    ]


def _print_rows(title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(cell(value) for value in row.values()))
    Console().print(table)
