"""The tables that ``querygen compare`` prints."""

from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.printable import printable


def print_comparison(result: dict[str, Any], names: tuple[str, str]) -> None:
    """Print the result of `querygen.compare.compare.compare` on lists of these `names`."""
    console = Console(soft_wrap=True)
    shared = f"{result['both']:,} in both, {result['union']:,} in either, Jaccard {_number(result['jaccard'])}"
    how = "as written" if result["exact"] else "in normal form"
    for key, name in zip("ab", names, strict=True):
        console.print(f"{key.upper()}: {printable(name)} ({result[key]['kind']})", markup=False, highlight=False)
    headings = ("entries", "broken", "wordless", "duplicates", "distinct", "only_here", "share_in_both")
    _print_matrix(
        console, f"{shared} ({how})",
        {heading: {key.upper(): result[key][heading] for key in "ab"} for heading in headings},
    )  # fmt: skip
    if result["sources"]:
        measures = list(dict.fromkeys(measure for row in result["sources"].values() for measure in row))
        _print_matrix(
            console, "all that a source brings, and what of it the whole other list holds",
            {measure: {source: row.get(measure) for source, row in result["sources"].items()} for measure in measures},
        )  # fmt: skip
    _print_matrix(console, "owned by: rows in A, columns in B", result["overlap"])
    _print_matrix(
        console, "rank correlation of the texts in both lists",
        {f"{row['by']} ({row['source']}s)" if row["source"] else row["by"]:
         {key: row[key] for key in ("texts", "spearman", "kendall")} for row in result["rank_correlation"]},
    )  # fmt: skip
    for key in "ab":
        for source, texts in result[f"only_in_{key}"].items():
            if texts:
                shown = ", ".join(printable(text) for text in texts)
                console.print(f"only in {key.upper()}, {source}: {shown}", markup=False, highlight=False)


def _print_matrix(console: Console, title: str, rows: dict[str, dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    table = Table(title=title)
    table.add_column("")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for name, row in rows.items():
        table.add_row(name.replace("_", " "), *(_number(row.get(column)) for column in columns))
    console.print(table)


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
