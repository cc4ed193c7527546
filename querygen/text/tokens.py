"""The words of a token (a run without white space), by the word rule of `schemas.text`, and where sentences end.

A word keeps its surface (the spelling in the text); its normal form is ``schemas.text.words(surface)``. Of the
characters that normal forms ignore, joiners between its letters belong to the spelling (`schemas.ignorable`), the
others do not. Folding never reaches across white space, so the words of a text are the words of its tokens.
`querygen.text.word_scan` does the same compiled; this is what it is tested against, and what it asks about the few
tokens it cannot fold.
"""

import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from schemas.ignorable import IGNORABLE, UNSPELLED
from schemas.kernels.folding import APOSTROPHE, COMBINING, DIGIT, LETTER, MARK, SEPARATOR, UNSURE, folding_tables
from schemas.text import APOSTROPHES, fold, is_word_character, words

STRONG_ENDS = (
    "!?\u2026\u3002\uff01\uff1f\uff0e\u061f\u0964\u0965\u06d4\u0589\u1362\u203d\u2047\u2048\u2049\uff61"
    "\u104b\u17d4\u17d5\u0f0d\u0f0e\u1367\u1803\uabeb\u0df4\u1c7e\u1c7f"  # Burmese, Khmer, Tibetan and others
)
"""End a sentence wherever they stand."""
CLOSERS = "\"'\u2019\u201d\u00bb\u203a)]}\u300d\u300f\uff09\u300b\u3009\u3011\u3015\uff3d\uff5d"
"""May follow the end of a sentence."""
OPENERS = "\"'\u2018\u201c\u00ab([{"

_ABBREVIATION_LINES = (
    "st mr mrs ms dr prof rev hon sr jr gen col lt maj capt cmdr sgt gov sen rep pres mt ft vs no nos vol vols ed eds "
    "pp fig op cit ca cf al inc ltd corp co bros dept univ assn ave blvd rd etc approx ph jan feb mar apr jun jul aug "
    "sep sept oct nov dec"
)
ABBREVIATIONS = frozenset(_ABBREVIATION_LINES.split())


@dataclass(frozen=True)
class TokenWords:
    """The words of one token."""

    surfaces: tuple[str, ...]
    joined: tuple[bool, ...]
    """joined[i]: words i and i + 1 are in one sentence."""
    ends_sentence: bool
    """A sentence ends after the token, unless the next one starts with a small letter."""
    starts_small: bool


def token_words(token: str) -> TokenWords:
    """Return the words of `token` (no white space in it, and not only ignorable characters) in order."""
    token = UNSPELLED.sub("", token)
    spans = _spans(token)
    surfaces = tuple(token[start:end] for start, end in spans)
    normal = words(token)
    if [[word] for word in normal] != [words(surface) for surface in surfaces]:
        # Folding moves a boundary here (a fraction): the folded words are their own surface.
        joined = (True,) * max(0, len(normal) - 1)
        return TokenWords(tuple(normal), joined, _ends_sentence(token), token[:1].islower())
    joined = tuple(
        not any(mark in STRONG_ENDS for mark in token[end:start]) for (_, end), (start, _) in pairwise(spans)
    )
    starts_small = bool(surfaces) and surfaces[0][:1].islower()
    return TokenWords(surfaces, joined, _ends_sentence(token), starts_small)


def _ends_sentence(token: str) -> bool:
    stripped = IGNORABLE.sub("", token).rstrip(CLOSERS)
    if not stripped or stripped[-1] in STRONG_ENDS:
        return bool(stripped)
    if stripped[-1] != ".":
        return False
    if stripped.endswith(".."):
        return True
    body = stripped[:-1].lstrip(OPENERS)
    # "J.", "U.S.", "St." go on.
    return not (len(body) <= 1 or "." in body or (body.isascii() and body.lower() in ABBREVIATIONS))


def _kind(character: str) -> int:
    """Return the class of `character` by `schemas.kernels.folding`; of an unsure one that of its general category."""
    kind = int(folding_tables()[0][ord(character)])
    if kind == UNSURE and is_word_character(character):
        return {"L": LETTER, "M": MARK}.get(unicodedata.category(character)[0], DIGIT)
    return kind


def _spans(token: str) -> list[tuple[int, int]]:
    """Return where the words begin and end, without possessive endings; ignorable characters are not looked at."""
    seen = [position for position, character in enumerate(token) if not IGNORABLE.match(character)]
    kinds = [_kind(token[position]) for position in seen]
    spans = []
    start = -1
    for place, kind in enumerate([*kinds, SEPARATOR]):
        if kind == APOSTROPHE:
            inside = (
                start >= 0
                and place + 1 < len(kinds)
                and kinds[place - 1] in (LETTER, MARK, COMBINING)
                and kinds[place + 1] == LETTER
            )
        else:
            inside = LETTER <= kind <= (DIGIT if start < 0 else COMBINING)
        if inside and start < 0:
            start = place
        elif not inside and start >= 0:
            end = place
            while end - start > 2 and token[seen[end - 2]] in APOSTROPHES and fold(token[seen[end - 1]]) == "s":
                end -= 2
            spans.append((seen[start], seen[end - 1] + 1))
            start = -1
    return spans
