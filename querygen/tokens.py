"""Tokens (runs without white space) and the words in them, by the word rule of `schemas.text`.

A word keeps its surface (the spelling in the text); its normal form is ``schemas.text.words(surface)``. Folding
never reaches across white space, so the words of a text are the words of its tokens, and each distinct
token is folded once.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from schemas.text import APOSTROPHES, is_word_character, words

BOUNDARY = "\x02"
"""The token that stands for a line end: no word, so no bigram reaches across it."""

_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:(?<=[A-Za-z])'(?=[A-Za-z])[A-Za-z0-9]+)*")
_STRONG_END = "!?\u2026\u3002\uff01\uff1f\uff0e\u061f\u0964\u0965\u06d4\u0589\u1362\u203d\u2047\u2048\u2049" + BOUNDARY
_CLOSERS = "\"'\u2019\u201d\u00bb\u203a)]}\u300d\u300f\uff09"
_ABBREVIATION_LINES = (
    "st mr mrs ms dr prof rev hon sr jr gen col lt maj capt cmdr sgt gov sen rep pres mt ft vs no nos vol vols ed eds "
    "pp fig op cit ca cf al inc ltd corp co bros dept univ assn ave blvd rd etc approx ph jan feb mar apr jun jul aug "
    "sep sept oct nov dec"
)
_ABBREVIATIONS = frozenset(_ABBREVIATION_LINES.split())


@dataclass(frozen=True)
class TokenWords:
    """The words of one token."""

    surfaces: tuple[str, ...]
    joined: tuple[bool, ...]
    """joined[i]: words i and i + 1 are in one sentence."""
    ends_sentence: bool
    """A sentence ends after the token, unless the next one starts with a small letter."""
    starts_small: bool


def split_tokens(text: str) -> list[str]:
    """Return the tokens of `text`, a `BOUNDARY` for each line end."""
    return text.replace("\n", f" {BOUNDARY} ").split()


def token_words(token: str) -> TokenWords:
    """Return the words of `token` (no white space in it) in order."""
    spans = _ascii_spans(token) if token.isascii() else _spans(token)
    surfaces = tuple(token[start : _before_possessive(token, start, end)] for start, end in spans)
    if not token.isascii():
        normal = words(token)
        if [[word] for word in normal] != [words(surface) for surface in surfaces]:
            # Folding moves a boundary here (a fraction, a ligature): the folded words are their own surface.
            joined = (True,) * max(0, len(normal) - 1)
            return TokenWords(tuple(normal), joined, _ends_sentence(token), token[:1].islower())
    joined = tuple(
        not any(mark in _STRONG_END for mark in token[end:start]) for (_, end), (start, _) in pairwise(spans)
    )
    starts_small = bool(surfaces) and surfaces[0][:1].islower()
    return TokenWords(surfaces, joined, _ends_sentence(token), starts_small)


def _ends_sentence(token: str) -> bool:
    stripped = token.rstrip(_CLOSERS)
    if not stripped or stripped[-1] in _STRONG_END:
        return bool(stripped)
    if stripped[-1] != ".":
        return False
    body = stripped.rstrip(".").lstrip("\"'\u2018\u201c\u00ab([{")
    if stripped.endswith(".."):
        return True
    # "J.", "U.S.", "St." go on.
    return not (len(body) <= 1 or "." in body or body.casefold() in _ABBREVIATIONS)


def _before_possessive(token: str, start: int, end: int) -> int:
    while end - start > 2 and token[end - 1] in "sS" and token[end - 2] in APOSTROPHES:
        end -= 2
    return end


def _ascii_spans(token: str) -> list[tuple[int, int]]:
    return [match.span() for match in _ASCII_WORD.finditer(token)]


def _spans(token: str) -> list[tuple[int, int]]:
    spans = []
    start = -1
    for position, character in enumerate(token):
        if character in APOSTROPHES:
            inside = (
                start >= 0
                and position + 1 < len(token)
                and unicodedata.category(token[position - 1])[0] in "LM"
                and unicodedata.category(token[position + 1])[0] == "L"
                and token[position + 1] not in APOSTROPHES
                and token[position - 1] not in APOSTROPHES
            )
        else:
            inside = is_word_character(character)
        if inside and start < 0:
            start = position
        elif not inside and start >= 0:
            spans.append((start, position))
            start = -1
    if start >= 0:
        spans.append((start, len(token)))
    return spans
