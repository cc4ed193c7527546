"""The texts of zero-shot classification: files of class names and templates in, names, prompts and folder keys out.

Both files hold one entry a line, UTF-8 (a byte order mark is cut). Character references are undone as the tokenizer
does, so ``AT&amp;T`` is the class ``AT&T``, whatever the checkpoint's tokenizer does.
"""

import sys
import unicodedata
from pathlib import Path

from schemas.printable import one_line
from schemas.text_lines import numbered_lines
from trainer.tokenizer import without_references

MAX_LINES = 1_000_000
PLACE = "{}"
"""Where a template takes the class name."""


def name_key(name: str) -> str:
    """Return what a class and its folder are compared by: no character references, NFC, one space for `_` and spaces.

    macOS and some archives write ``café`` as e and an accent, other systems as one character: they look the same.
    """
    return " ".join(unicodedata.normalize("NFC", without_references(name)).replace("_", " ").split())


def read_lines(path: str, option: str) -> list[tuple[int, str]]:
    """Return (line number, text) of the lines that are not empty. Raises FileNotFoundError, ValueError."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{option}: no such file {path!r}")
    lines = []
    for number, line in numbered_lines(Path(path).read_bytes()):
        try:
            text = without_references(line.decode()).strip()
        except UnicodeDecodeError as error:
            raise ValueError(f"{option}: {path}, line {number}: expected UTF-8 text, {error}") from error
        if text:
            lines.append((number, text))
    if not lines or len(lines) > MAX_LINES:
        raise ValueError(f"{option}: {path} has {len(lines)} lines that are not empty; expected 1 to {MAX_LINES}")
    return lines


def read_classes(path: str, option: str = "--classes", *, tells: bool = True) -> list[str]:
    """Return the class names in order; `option` names the file in what is raised and told.

    Raises ValueError with the line number for a name that is given twice, or is another's but for underscores, spaces
    and the way an accent is written: the images of one would count for the other. Names that the tokenizer cannot
    tell apart (it knows no case) are told on stderr where it `tells`.
    """
    seen: dict[str, tuple[int, str]] = {}
    folded: dict[str, int] = {}
    for number, name in read_lines(path, option):
        key = name_key(name)
        first, same = seen.setdefault(key, (number, name))
        if first != number and same == name:
            raise ValueError(f"{option}: {path}, line {number}: {name!r} is already on line {first}")
        if first != number:
            raise ValueError(
                f"{option}: {path}, line {number}: {name!a} is {same!a} of line {first} but for underscores, "
                "spaces or how accents are written: their folders cannot be told apart; leave one out"
            )
        alike = folded.setdefault(key.lower(), number)
        if alike != number and tells:
            print(
                f"note: {option}: lines {alike} and {number} of {one_line(path)} differ in case only: they are one "
                f"prompt to the tokenizer, and images of {name!a} count as wrong",
                file=sys.stderr,
            )
    return [name for _, name in seen.values()]


def read_templates(path: str, option: str = "--templates") -> list[str]:
    """Return the templates. Raises ValueError with the line number for one without ``{}``."""
    lines = read_lines(path, option)
    for number, template in lines:
        if PLACE not in template:
            raise ValueError(
                f"{option}: {path}, line {number}: expected a prompt with {PLACE} for the class, found {template!r}"
            )
    return [template for _, template in lines]


def prompts(classes: list[str], templates: list[str]) -> list[str]:
    """Return every template with every class name in it, the templates of one class together."""
    return [template.replace(PLACE, name.replace("_", " ")) for name in classes for template in templates]
