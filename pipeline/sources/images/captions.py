"""The captions of a local image: from the texts beside it, ``.txt`` and ``.json``.

- ``--caption-column`` names a member of the JSON, with dots one inside: that, and nothing else.
- Else the text of the ``.txt``, or with ``--captions lines`` each line of it that is not blank, and the list
  ``captions`` of the JSON, what stands in both once.
- Else the first of `CAPTION_KEYS` in the JSON that holds something.

A list is a caption an item. A byte order mark is none of the text.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.sources.source import MAX_CELL_BYTES
from schemas.sample import CAPTION_KEYS, LISTED_CAPTIONS
from schemas.text import stored_caption

TEXT_SUFFIXES = (".txt", ".json")

_LINE_END = re.compile(r"\r\n|\n|\r")


class Caption(NamedTuple):
    """One caption."""

    text: str | None
    """None: the place of a caption is there, and empty."""
    source: str
    """``txt`` or ``json``."""
    wrong: str = ""
    """What stands in place of a text."""


@dataclass(frozen=True)
class SideTexts:
    """What the texts beside an image say."""

    captions: list[Caption]
    record: dict[str, Any] = field(default_factory=dict)
    """The JSON object."""


class UnreadableText(ValueError):
    """A text beside an image that cannot be read."""

    def __init__(self, suffix: str, reason: str) -> None:
        super().__init__(suffix)
        self.suffix, self.reason = suffix, reason


def read_side_texts(texts: Mapping[str, bytes], column: str, by_line: bool) -> SideTexts:
    """Return what the files beside an image say, given by suffix. Raises `UnreadableText`."""
    values: dict[str, Any] = {}
    for suffix in (suffix for suffix in TEXT_SUFFIXES if suffix in texts):
        try:
            values[suffix] = _read(suffix, texts[suffix])
        except UnicodeError as error:
            raise UnreadableText(suffix, "caption_not_utf8") from error
        except ValueError as error:
            raise UnreadableText(suffix, "member_unreadable") from error
    value = values.get(".json")
    record = value if isinstance(value, dict) else {}
    try:
        return SideTexts(_captions(values.get(".txt"), value, record, column, by_line), record)
    except UnicodeError as error:  # JSON can escape half of a surrogate pair
        raise UnreadableText(".json", "caption_not_utf8") from error


def member_at(record: Mapping[str, Any], name: str) -> Any:
    """Return the member `name` of a JSON object, or the one inside that its dots lead to; None when there is none."""
    if name in record:
        return record[name]
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _read(suffix: str, raw: bytes) -> Any:
    if len(raw) > MAX_CELL_BYTES:
        raise ValueError(f"a caption file has at most {MAX_CELL_BYTES} bytes, found {len(raw)}")
    text = raw.decode("utf-8-sig")
    try:
        return text if suffix == ".txt" else json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON nested too deep") from error


def _captions(text: str | None, value: Any, record: Mapping[str, Any], column: str, by_line: bool) -> list[Caption]:
    if column:
        return _listed(member_at(record, column))
    plain = [] if text is None or not text.strip() else _LINE_END.split(text) if by_line else [text]
    found = [Caption(line, "txt") for line in plain if line.strip()]
    known = {stored_caption(line) for line in plain}
    beside = record.get(LISTED_CAPTIONS) if isinstance(value, dict) else value
    listed = _listed(beside) if isinstance(beside, list | str) else []
    found += [caption for caption in listed if caption.text is None or stored_caption(caption.text) not in known]
    if not found:
        found = next((_listed(record[key]) for key in CAPTION_KEYS if record.get(key) not in (None, "", [])), [])
    return found


def _listed(value: Any) -> list[Caption]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [_caption(item) for item in items]


def _caption(item: Any) -> Caption:
    if isinstance(item, dict):  # as annotations are listed: [{"caption": "a cat"}, ...]
        item = next((item[key] for key in CAPTION_KEYS if isinstance(item.get(key), str)), item)
    if item is None or isinstance(item, str):
        (item or "").encode()
        return Caption(item, "json")
    if isinstance(item, int | float):
        return Caption(json.dumps(item), "json")
    return Caption(None, "json", json.dumps(item, ensure_ascii=True))
