"""Tables of Markdown: any text in, which stays text, lines out."""

from collections.abc import Iterable, Sequence

from schemas.printable import one_line


def cell(text: str) -> str:
    """Return strangers' text so that it stays text in a Markdown table."""
    escaped = one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    return "".join("\\" + c if c in "\\|`*_[]" else c for c in escaped)


def table_lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table's lines; its texts are Markdown, strangers' made so by `cell`."""
    head, *others = ["| " + " | ".join(line) + " |" for line in (heads, *rows)]
    return [head, "|" + "---|" * len(heads), *others]
