"""A list of queries in one file, from anywhere: its bytes in, the texts in their order out.

    ["cat", "New York", ...]       JSON list of texts: MetaCLIP's metadata.json
    {"cat": 10241, ...}            JSON object of text to count: MetaCLIP's entry_counts.json
    {"cat": "w", "0": "", ...}     JSON object of text to source: MetaCLIP 2's file of a language
    cat                            text, a query a line; empty lines are passed over
    New York

Entries of JSON that are empty are left out and counted. Any other JSON is refused: the keys of an object that is no
list of queries would make a list nobody meant. A byte order mark is cut, a file may be packed (.gz, .bz2, .xz, .zst).
"""

import io
import json
import re
from dataclasses import dataclass
from typing import Any

import fsspec

from schemas.ignorable import IGNORABLE
from schemas.packed import BROKEN_DATA, FileTruncated, decompress, packing
from schemas.text_lines import numbered_lines, without_mark

MAX_BYTES = 2**30
"""Of a list, unpacked: a small packed file may hold any number of bytes. MetaCLIP's 500,000 texts are 8 MB."""

METACLIP2_SOURCES = frozenset(("", "w", "u", "b", "t"))
"""What MetaCLIP 2 writes behind an entry: number, WordNet, unigram, bigram, title (its build_metadata.py)."""

EXPECTED = "a JSON list of texts, a JSON object of text to count, or a text file of one query a line"

_PACKED_NAMES = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst"}
_JSON_NAME = re.compile(r"\.json(\.|$)")
ZERO_WIDTH_SPACE = "\u200b"
"""Parts words, so it is not among the ignorable characters; not seen either."""
_SHOWN = 60
"""Characters of a value that a message shows."""


@dataclass(frozen=True, kw_only=True)
class QueryTexts:
    """What one file lists."""

    kind: str
    """``JSON list``, ``JSON object`` or ``text list``."""
    texts: list[str]
    """As written, in the order of the file; repeated ones stand in it again."""
    counts: list[int | None]
    """Of each text; None where the file has none."""
    broken: list[str]
    """Entries that are no text, in words: ``entry 3: 5``."""
    empty: int = 0
    """Entries of JSON left out of `texts`: nothing of them is seen (blanks, zero-width characters). Empty lines of a
    text file are no entries."""

    @property
    def distinct(self) -> list[str]:
        """The texts, each where it stands first."""
        return list(dict.fromkeys(self.texts))


def read_query_texts(path: str) -> QueryTexts:
    """Read the list at `path` (or fsspec URL). Raises OSError when it cannot be opened, else as `parse_query_texts`."""
    with fsspec.open(path, "rb") as raw:
        return parse_query_texts(path, raw.read(MAX_BYTES + 1))


def parse_query_texts(path: str, data: bytes) -> QueryTexts:
    """Return what `data`, the bytes of the file at `path` as it lies there, lists.

    Raises ValueError that names `path` and says what was found when it is no list of queries.
    """
    plain = without_mark(_unpack(path, data))
    named_json = _JSON_NAME.search(path.lower().rpartition("/")[2]) is not None
    if not named_json and plain.lstrip()[:1] not in (b"[", b"{"):
        return _from_lines(path, plain)
    try:
        value = _parse_json(plain)
    except (ValueError, RecursionError) as error:
        if named_json:
            raise ValueError(f"{path}: expected {EXPECTED}, found no JSON: {error}") from None
        return _from_lines(path, plain)  # the first query begins so
    return _from_json(path, value)


def _unpack(path: str, data: bytes) -> bytes:
    found = packing(data)
    suffix = next((end for end in _PACKED_NAMES if path.lower().endswith(end)), None)
    if suffix is not None and data and found != _PACKED_NAMES[suffix]:
        raise ValueError(f"{path}: expected a {suffix} file by its name, found another; rename it or fetch it again")
    plain = bytearray()
    try:
        for piece in decompress(io.BytesIO(data)):
            plain += piece
            if len(plain) > MAX_BYTES:
                break
    except (FileTruncated, *BROKEN_DATA) as error:
        said = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path}: cannot be unpacked whole, {said}; fetch it again") from None
    if len(plain) > MAX_BYTES:
        raise ValueError(f"{path}: expected a list of queries, found more than {MAX_BYTES:,} bytes")
    return bytes(plain)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all its pairs: a dictionary would keep the last of equal keys, silently."""


def _parse_json(plain: bytes) -> Any:
    return json.loads(plain, object_pairs_hook=_Pairs)


def _from_json(path: str, value: Any) -> QueryTexts:
    if isinstance(value, _Pairs):
        return _listed(path, "JSON object", [key for key, _ in value], _counts(path, value))
    if isinstance(value, list):
        return _listed(path, "JSON list", value, [None] * len(value))
    raise ValueError(f"{path}: expected {EXPECTED}, found {_described(value)}")


def _listed(path: str, kind: str, entries: list[Any], counts: list[int | None]) -> QueryTexts:
    known = [(entry, count) for entry, count in zip(entries, counts, strict=True) if _is_text(entry)]
    kept = [(entry, count) for entry, count in known if not _is_empty(entry)]
    broken = [f"entry {number}: {_described(entry)}" for number, entry in enumerate(entries) if not _is_text(entry)]
    return _checked(
        path, kind, [entry for entry, _ in kept], [count for _, count in kept], broken, len(known) - len(kept)
    )


def _checked(
    path: str, kind: str, texts: list[str], counts: list[int | None], broken: list[str], empty: int
) -> QueryTexts:
    if broken and not texts:
        raise ValueError(f"{path}: expected {EXPECTED}, found no text in it; {broken[0]}")
    return QueryTexts(kind=kind, texts=texts, counts=counts, broken=broken, empty=empty)


def _counts(path: str, pairs: _Pairs) -> list[int | None]:
    """Return the counts of an object that is a list. Raises ValueError naming the first value that says it is none."""
    if all(isinstance(value, str) and value in METACLIP2_SOURCES for _, value in pairs):
        return [None] * len(pairs)
    counts: list[int | None] = []
    for key, value in pairs:
        whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        if not whole or not 0 <= value < 2**63:
            raise ValueError(
                f"{path}: expected {EXPECTED}, found an object whose {ascii(key)[:_SHOWN]} is {_described(value)}; "
                "an object is a list of queries only if all its values are counts, whole numbers from 0 on"
            )
        counts.append(int(value))
    return counts


def _is_text(value: Any) -> bool:
    """Tell whether a JSON value is a text that UTF-8 can hold: one with a lone surrogate cannot be stored."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_empty(text: str) -> bool:
    return not IGNORABLE.sub("", text).replace(ZERO_WIDTH_SPACE, "").strip()


def _described(value: Any) -> str:
    """Return a JSON value in words, its control characters escaped."""
    if isinstance(value, list):
        kind = "object" if isinstance(value, _Pairs) else "list"
        return f"{kind} of {len(value):,} {'entry' if len(value) == 1 else 'entries'}"
    return ascii(value)[:_SHOWN]


def _from_lines(path: str, plain: bytes) -> QueryTexts:
    if b"\0" in plain:
        raise ValueError(f"{path}: expected {EXPECTED}, found bytes that are no text")
    texts, broken = [], []
    lines = numbered_lines(plain)
    if _is_json_object(lines[0][1]):
        raise ValueError(f"{path}: expected {EXPECTED}, found lines of JSON objects")
    for number, line in lines:
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            broken.append(f"line {number}: {ascii(line)[:_SHOWN]} is no UTF-8")
            continue
        if not _is_empty(text):
            texts.append(text)
    return _checked(path, "text list", texts, [None] * len(texts), broken, 0)


def _is_json_object(line: bytes) -> bool:
    try:
        return isinstance(_parse_json(line), _Pairs)
    except (ValueError, RecursionError):
        return False
