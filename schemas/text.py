"""One text normal form for queries and captions, and the stored form of a caption.

In: any Unicode string. Out: words of letters, digits and marks, folded, joined by single spaces.

Three rules of it decide about characters that are hardly seen:

- Default-ignorable characters (soft hyphen, joiners, variation selectors, direction marks, tags, fillers; see
  `schemas.ignorable`) part no word and are none: ``light<U+00AD>house`` is ``lighthouse``, the U+FE0F of an emoji
  nothing. So say UAX #29 (rule WB4) and NFKC_Casefold (UAX #44), which takes them out. One of them, U+200B ZERO WIDTH
  SPACE, parts words, as in UAX #29. Format characters (category Cf) that are not ignorable are seen, such as the Arabic
  number signs; they separate as other signs do.
- A mark belongs to what stands before it (again WB4), so it begins no word: U+20E3 is none in the keycap
  ``#<U+FE0F><U+20E3>``, and ``dog<U+00B4>s``, whose accent folds to a space and a mark, is ``dog s``.
- An ``i`` has one dot: ``<U+0130>stanbul`` is ``istanbul``. Unicode's full case folding makes i and U+0307 COMBINING
  DOT ABOVE of the Turkish capital, which nobody types and which looks the same: i has its dot already. So that dot
  goes, where SpecialCasing.txt takes it from Lithuanian capitals (After_Soft_Dotted); for U+0130 this is
  CaseFolding.txt's Turkic mapping. The other Turkic mapping, of I to the dotless U+0131, would part ``Istanbul`` from
  ``istanbul`` in every other language: it is not taken, and U+0131 stays a letter of its own.
"""

import unicodedata

from schemas.ignorable import IGNORABLE

NORMAL_FORM_VERSION = "2"
"""Part of every run identity and manifest: raise it whenever `normal_form` may give another result. Folders of another
one are refused where their texts are matched or looked up (`schemas.manifest.read_current_manifest`).

2: default-ignorable characters are none, a word begins with a letter or digit, and i has one dot (until then marks and
variation selectors were words, and other ignorable characters parted them).
"""

UNIDATA_VERSION = unicodedata.unidata_version
"""Version of the Unicode character database; another one may split or fold new characters differently."""

APOSTROPHES = "'\u2018\u2019\u201b\u02bc\uff07"
"""Characters read as an apostrophe: straight, curly quotes, modifier letter, full-width."""

BYTE_ORDER_MARK = "\ufeff"
"""Comes in front of a text where a file was made one of its values: none of it. Elsewhere it is a character."""

_DOT_ABOVE = "\u0307"
_ABOVE = 230
"""Canonical combining class of marks that are drawn above the letter."""


def fold(text: str) -> str:
    """Return `text` without ignorable characters, in compatibility form and case-folded: NFKC_Casefold, one dot on i.

    NFKC, fold, NFKC once is not idempotent (folding can create new sequences that compose or
    decompose), so the two steps repeat until nothing changes, at most three times in Unicode 14-16.
    Neither makes an ignorable character of others: it is enough to take them out first.
    """
    if text.isascii():
        return text.lower()
    folded = _fold_once(unicodedata.normalize("NFKC", IGNORABLE.sub("", text)))
    while True:
        again = _fold_once(folded)
        if again == folded:
            return folded
        folded = again


def _fold_once(text: str) -> str:
    return unicodedata.normalize("NFKC", _with_one_dot(text.casefold()))


def _with_one_dot(text: str) -> str:
    """Take the dot above from each i that has one of its own: no mark above stands between the two."""
    if _DOT_ABOVE not in text:
        return text
    kept: list[str] = []
    behind_i = False
    for character in unicodedata.normalize("NFD", text):
        if character == _DOT_ABOVE and behind_i:
            continue
        if unicodedata.combining(character) in (0, _ABOVE):
            behind_i = character == "i"
        kept.append(character)
    return "".join(kept)


def is_word_character(character: str) -> bool:
    """Tell whether `character` is a letter, digit or mark (general category L*, N*, M*) and not ignorable."""
    return unicodedata.category(character)[0] in "LNM" and not IGNORABLE.match(character)


def words(text: str) -> list[str]:
    """Split `text` into the words of its normal form.

    A word is a maximal run of letters, digits and marks that begins with no mark. An apostrophe with a letter
    (or a mark on one) before it and a letter after it stays inside the word; a final ``'s`` is cut, repeatedly.
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
            kind = unicodedata.category(character)[0]
            inside = kind in "LN" or (kind == "M" and start >= 0)
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
    """Return a caption as it is stored: NFC, runs of white space made one space, stripped, no U+FEFF in front.

    Other control characters stay: a stored caption is what others read in the same input, and ids are made of it; what
    prints one makes it printable (`schemas.printable`).
    """
    return " ".join(unicodedata.normalize("NFC", text).split()).lstrip(BYTE_ORDER_MARK + " ")
