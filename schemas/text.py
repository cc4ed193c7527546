"""One text normal form for queries and captions, and the stored form of a caption.

In: any Unicode string. Out: words of letters, digits and marks, folded, joined by single spaces.
"""

import unicodedata

NORMAL_FORM_VERSION = "1"
"""Part of every run identity: raise it whenever `normal_form` may give another result."""

UNIDATA_VERSION = unicodedata.unidata_version
"""Version of the Unicode character database; another one may split or fold new characters differently."""

APOSTROPHES = "'\u2018\u2019\u201b\u02bc\uff07"
"""Characters read as an apostrophe: straight, curly quotes, modifier letter, full-width."""


def fold(text: str) -> str:
    """Return `text` in compatibility form and case-folded: the fixed point of NFKC after case folding.

    NFKC, fold, NFKC once is not idempotent (folding can create new sequences that compose or
    decompose), so the two steps repeat until nothing changes, at most three times in Unicode 14-16.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    while True:
        again = unicodedata.normalize("NFKC", folded.casefold())
        if again == folded:
            return folded
        folded = again


def is_word_character(character: str) -> bool:
    """Tell whether `character` is a letter, digit or mark (Unicode general category L*, N*, M*)."""
    return unicodedata.category(character)[0] in "LNM"


def words(text: str) -> list[str]:
    """Split `text` into the words of its normal form.

    A word is a maximal run of letters, digits and marks. An apostrophe with a letter (or a mark on
    one) before it and a letter after it stays inside the word; a final ``'s`` is cut, repeatedly.
    Everything else separates: ``dog-friendly`` is two words, ``U.S.`` is ``u s``.
    """
    folded = fold(text)
    found: list[str] = []
    start = -1
    last = len(folded) - 1
    for position, character in enumerate(folded):
        if character in APOSTROPHES:
            inside = (
                start >= 0
                and position < last
                and unicodedata.category(folded[position - 1])[0] in "LM"
                and unicodedata.category(folded[position + 1])[0] == "L"
                and folded[position + 1] not in APOSTROPHES
                and folded[position - 1] not in APOSTROPHES
            )
        else:
            inside = is_word_character(character)
        if inside:
            if start < 0:
                start = position
        elif start >= 0:
            found.append(_without_possessive(folded[start:position]))
            start = -1
    if start >= 0:
        found.append(_without_possessive(folded[start:]))
    return found


def _without_possessive(word: str) -> str:
    for apostrophe in APOSTROPHES[1:]:
        word = word.replace(apostrophe, "'")
    end = len(word)
    while word.endswith("'s", 0, end):
        end -= 2
    return word[:end]


def normal_form(text: str) -> str:
    """Return the normal form of a query or caption; empty when `text` has no word (a rejection).

    Idempotent: ``normal_form(normal_form(text)) == normal_form(text)`` for every string.
    """
    return " ".join(words(text))


def stored_caption(text: str) -> str:
    """Return a caption as it is stored: NFC, runs of white space made one space, stripped."""
    return " ".join(unicodedata.normalize("NFC", text).split())
