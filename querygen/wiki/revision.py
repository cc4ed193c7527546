"""The text of a page of a MediaWiki XML dump: the bytes of its element in, the main slot of its last revision out.

Export schema 0.11 (before it there is no content):

    <revision> id parentid timestamp contributor minor comment origin
      <model>wikitext</model> <format>text/x-wiki</format>
      <text bytes="9" sha1="..." xml:space="preserve">main slot</text>
      <content>
        <role>mediainfo</role> origin <model>...</model> <format>...</format> <text ...>another slot</text>
      </content>
      <sha1/>
    </revision>

A dump escapes every ``<`` of a text, so tags are found as bytes, and one search for ``<`` skips a whole text.
"""

import re
from dataclasses import dataclass, field

WIKITEXT, PLAIN_TEXT = "wikitext", "text"
PROSE = (WIKITEXT, PLAIN_TEXT)
"""The content models that are read. The others are data or code: json, css, Scribunto, wikibase-item, ..."""
MAIN_ROLE = b"main"

MAX_MODEL_CHARACTERS = 60
"""Of a model's name that are kept."""

_MODEL_OF_FORMAT = {b"text/x-wiki": WIKITEXT, b"text/plain": PLAIN_TEXT}
"""For a text that says its format only."""

_TAG = re.compile(
    rb"""<(?:(text|content|model|format|role|revision)(?=[\s/>])([^<>"']*(?:(?:"[^<"]*"|'[^<']*')[^<>"']*)*)>"""
    rb"""|/(content|revision)\s*>)"""
)
"""An opening tag (its name, its attributes and perhaps a slash), or the end of what holds slots."""
_ATTRIBUTE = re.compile(rb"""\s([A-Za-z_:][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(frozen=True)
class MainText:
    """The text of a page as it stands in the dump."""

    model: str
    escaped: bytes
    """XML escapes not undone."""
    is_absent: bool
    """Whether the wiki has a text here that the dump lacks: a deleted one, or all in a dump of stubs."""


@dataclass
class _Slot:
    """What the tags of one slot say; those of the revision itself are the main slot's."""

    about: dict[bytes, bytes] = field(default_factory=dict)
    """Value of ``model``, ``format`` and ``role``."""
    text: bytes | None = None
    is_absent: bool = False

    def model(self) -> str:
        name, form = self.about.get(b"model", b""), self.about.get(b"format", b"")
        known = name.decode("utf-8", "replace") or _MODEL_OF_FORMAT.get(form, form.decode("utf-8", "replace"))
        return known[:MAX_MODEL_CHARACTERS] or WIKITEXT


def main_text(raw: bytes, place: int = 0) -> MainText | None:
    """Return the main slot of the last revision in `raw`, a page's element; None where there is none or it is open.

    The revisions stand behind `place`. Each byte is looked at once or twice, whatever they are.
    """
    slot = main = _Slot()
    named_main: _Slot | None = None
    while tag := _TAG.search(raw, place):
        name, attributes, closes = tag.groups()
        place = tag.end()
        if name == b"revision":
            main = _Slot()
            slot, named_main = main, None
        elif closes == b"revision":
            slot = _Slot()  # what stands behind it (an upload) is no text of the page
        elif closes == b"content":
            if slot.about.get(b"role") == MAIN_ROLE:
                named_main = slot
            slot = main
        elif name == b"content":
            slot = main if attributes.endswith(b"/") else _Slot()
        elif name == b"text":
            found = _text(raw, attributes, place)
            if found is None:
                return None
            text, place = found
            if slot.text is None:
                slot.text, slot.is_absent = text, _is_absent(attributes)
        else:
            end = raw.find(b"<", place)
            slot.about.setdefault(name, raw[place : max(place, end)].strip())
    if main.text is None and named_main is not None:
        main = named_main
    return None if main.text is None else MainText(main.model(), main.text, main.is_absent)


def _text(raw: bytes, attributes: bytes, start: int) -> tuple[bytes, int] | None:
    """Return (what the text element holds, place behind that), None when it is left open; `start` is behind its tag."""
    if attributes.endswith(b"/"):
        return b"", start
    end = raw.find(b"<", start)
    if not raw.startswith(b"</text>", max(end, 0)):
        end = raw.find(b"</text>", start)
    return None if end < 0 else (raw[start:end], end)


def _is_absent(attributes: bytes) -> bool:
    known = {name: double or single for name, double, single in _ATTRIBUTE.findall(attributes)}
    return b"deleted" in known or (attributes.endswith(b"/") and known.get(b"bytes", b"0") != b"0")
