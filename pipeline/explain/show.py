"""The facts of explain on the terminal: tables, or JSON."""

import json
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.summary import print_table

NESTED = ("top_queries", "queries")


def print_facts(facts: dict[str, Any], as_json: bool) -> None:
    """Print what `run_explain` returned."""
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
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
        else (name.replace("_", " "), value if _is_number(value) else escape(str(value)))
        for name, value in rows
    ]


def _print_rows(title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if _is_number(value) else escape(str(value))  # captions are strangers' words


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
