"""What is done to a caption before it is cut into words."""

import html

import ftfy


def without_references(text: str) -> str:
    """Return `text` with its character references undone twice: tables of the web often hold ``&amp;amp;``."""
    return html.unescape(html.unescape(text)) if "&" in text else text


def as_released(text: str) -> str:
    """Return `text` as the release's tokenizer cleans it: mended, references undone, single spaces, lower case.

    CLIP code, `simple_tokenizer.py`: `basic_clean`, `whitespace_clean`, `lower`. Mending changes no printable ASCII.
    """
    if not (text.isascii() and text.isprintable() and "&" not in text):
        text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()
