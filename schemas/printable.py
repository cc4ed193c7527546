"""Text of strangers (captions, titles, file names, lists from elsewhere), made safe for a terminal.

In: any text. Out: the same without what a terminal would obey or what turns its order around; errors in one line.
"""

import json
import logging
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

from schemas.public_url import public_text

_HARMLESS = "\u200c\u200d\u00ad"
"""Characters that are hardly seen and part of words and emoji: joiners, the soft hyphen."""
REPLACEMENT = "\ufffd"


def is_printable(character: str) -> bool:
    """Tell whether a terminal only shows `character`: controls, C0 and C1, and overrides of direction it obeys."""
    return character.isprintable() or character in _HARMLESS or unicodedata.category(character) == "Zs"


def printable(text: str) -> str:
    """Return `text` without what a terminal would obey: each such character becomes U+FFFD."""
    return "".join(character if is_printable(character) else REPLACEMENT for character in text)


def print_lines(lines: Iterable[str]) -> None:
    """Print each of `lines` in a line of its own: what is inside of one, a line end too, is made safe."""
    print(*map(printable, lines), sep="\n", flush=True)


def printable_json(value: Any, indent: int | None = None) -> str:
    """Return `value` as JSON in which what a terminal would obey is escaped; read again it is equal."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(found if is_printable(found) or found == "\n" else json.dumps(found)[1:-1] for found in text)


def one_line(text: str) -> str:
    """Return a message in one line, without secrets of addresses and what a terminal would obey."""
    return printable(" ".join(public_text(text).split()))


def print_error(text: str) -> None:
    """Print the line that a command ends with on an expected error."""
    print(f"error: {one_line(text)}", file=sys.stderr, flush=True)


class PrintableFormatter(logging.Formatter):
    """Formats log records as ever, each line of them safe."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(printable(public_text(line)) for line in super().format(record).split("\n"))


def print_warnings_safely() -> None:
    """Have what libraries and we warn of, where nobody has set up logging, printed in safe lines."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(PrintableFormatter())
