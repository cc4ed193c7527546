"""What a command says when it is done: one table per stage, from its manifest."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.printable import printable


def print_table(title: str, rows: list[tuple[str, Any]]) -> None:
    """Print a two-column table; numbers get thousands separators."""
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in rows:
        table.add_row(cell(name), cell(value))
    Console().print(table)


def cell(value: Any) -> Text:
    """Return a value as a table shows it: numbers with thousands separators, texts as they are, but printable."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Text(f"{value:,}")
    return Text("" if value is None else printable(str(value)))
