"""The classes of zero-shot classification: a file in, for each class its names, its folder and what results call it.

    tabby cat                      the class, and its folder, spaces or underscores
    kitten|young cat               a class of two names: prompts are made of both, its folder is the first
    n03773504<TAB>missile          a class whose folder has another name, as ImageNet publishes them
    cardboard box / carton, box    commas and slashes are part of the name

UTF-8 (a byte order mark is cut). Character references are undone as the tokenizer does, so ``AT&amp;T`` is the class
``AT&T``, whatever the checkpoint's tokenizer does.
"""

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.existing_paths import is_file
from schemas.printable import one_line
from schemas.text_lines import numbered_lines
from trainer.caption_text import without_references

MAX_LINES = 1_000_000
SYNONYMS = "|"
"""Between the names of one class."""

_SOURCE_LINE = re.compile(r"""^\[?\s*(["']).*\1\s*(,|,?\s*\])$""")
"""An element of a list, copied from a program or from JSON."""


@dataclass(frozen=True)
class ClassNames:
    """The classes of a file, in order."""

    titles: list[str]
    """What results call them: the first name, with the folder where two classes share it. Each is another."""
    names: list[tuple[str, ...]]
    """What prompts are made of, one or more a class."""
    folders: list[str]
    """What images are labelled with."""

    @classmethod
    def of(cls, titles: Sequence[str]) -> "ClassNames":
        """Return classes of one name each, which is their folder, too."""
        return cls(list(titles), [(title,) for title in titles], list(titles))

    def __len__(self) -> int:
        return len(self.titles)

    def every(self, start: int, step: int) -> "ClassNames":
        """Return the classes of one of `step` workers."""
        own = slice(start, None, step)
        return ClassNames(self.titles[own], self.names[own], self.folders[own])

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each class by the `name_key` of its folder."""
        return {name_key(folder): number for number, folder in enumerate(self.folders)}


def name_key(name: str) -> str:
    """Return what a class and its folder are compared by: no character references, NFC, one space for `_` and spaces.

    macOS and some archives write ``café`` as e and an accent, other systems as one character: they look the same.
    """
    return " ".join(unicodedata.normalize("NFC", without_references(name)).replace("_", " ").split())


def read_lines(path: str, option: str) -> list[tuple[int, str]]:
    """Return (line number, text) of the lines that are not empty. Raises FileNotFoundError, ValueError."""
    if not is_file(path):
        raise FileNotFoundError(f"{option}: no such file {path!r}")
    lines = []
    for number, line in numbered_lines(Path(path).read_bytes()):
        try:
            text = without_references(line.decode()).strip()
        except UnicodeDecodeError as error:
            raise ValueError(f"{option}: {path}, line {number}: expected UTF-8 text, {error}") from error
        if _SOURCE_LINE.match(text):
            raise ValueError(
                f"{option}: {path}, line {number}: expected the text alone, one entry a line, found an element of a "
                f"list of a program or JSON: {text[:60]!a}"
            )
        if text:
            lines.append((number, text))
    if not lines or len(lines) > MAX_LINES:
        raise ValueError(f"{option}: {path} has {len(lines)} lines that are not empty; expected 1 to {MAX_LINES}")
    return lines


def read_classes(path: str, option: str = "--classes", *, tells: bool = True) -> ClassNames:
    """Return the classes in order; `option` names the file in what is raised and told.

    Raises ValueError with the line number for a folder that is given twice, or is another's but for underscores, spaces
    and the way an accent is written: the images of one would count for the other. Names that the tokenizer cannot tell
    apart (it knows no case), and those that two classes share, are told on stderr where it `tells`.
    """
    seen: dict[str, tuple[int, str]] = {}
    prompted: dict[str, tuple[int, str]] = {}
    found: list[tuple[str, tuple[str, ...]]] = []
    for number, line in read_lines(path, option):
        folder, names = class_of(line, f"{option}: {path}, line {number}")
        first, same = seen.setdefault(name_key(folder), (number, folder))
        if first != number and same == folder:
            raise ValueError(
                f"{option}: {path}, line {number}: {folder!r} is already on line {first}; where two classes have "
                "one name write FOLDER<TAB>NAME"
            )
        if first != number:
            raise ValueError(
                f"{option}: {path}, line {number}: {folder!a} is {same!a} of line {first} but for underscores, "
                "spaces or how accents are written: their folders cannot be told apart; leave one out"
            )
        for name in names:
            alike, as_written = prompted.setdefault(name_key(name).lower(), (number, name))
            if alike != number and tells:
                _tell_alike(option, path, (alike, as_written), (number, name))
        found.append((folder, names))
    shared = Counter(names[0] for _, names in found)
    titles = [names[0] if shared[names[0]] == 1 else f"{names[0]} ({folder})" for folder, names in found]
    return ClassNames(titles, [names for _, names in found], [folder for folder, _ in found])


def class_of(line: str, where: str) -> tuple[str, tuple[str, ...]]:
    """Return the folder and the names of a line. Raises ValueError that begins with `where` for an empty one."""
    folder, tab, text = line.partition("\t")
    names = tuple(name.strip() for name in (text if tab else line).split(SYNONYMS))
    if "" in names or not folder.strip():
        raise ValueError(f"{where}: expected NAME, NAME|NAME or FOLDER<TAB>NAME, found {line!a}")
    return (folder.strip() if tab else names[0]), names


def _tell_alike(option: str, path: str, first: tuple[int, str], second: tuple[int, str]) -> None:
    lines = f"note: {option}: lines {first[0]} and {second[0]} of {one_line(path)}"
    if first[1] == second[1]:
        said = f"share the name {second[1]!a}: its prompts are the same for both, and the first wins ties"
    else:
        said = (
            "differ in case only: they are one prompt to the tokenizer, and images of "
            f"{second[1]!a} count as wrong"
        )  # fmt: skip
    print(f"{lines} {said}", file=sys.stderr)
