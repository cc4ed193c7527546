"""The table of characters without a shape, and the patterns made of it."""

import unicodedata
from itertools import pairwise

import regex

from schemas.ignorable import (
    DEFAULT_IGNORABLE,
    IGNORABLE,
    JOINERS,
    UNSPELLED,
    ZERO_WIDTH_SPACE,
    ignorable_codes,
)


def test_the_table_is_the_property_of_unicode() -> None:
    """But for code points that a newer Unicode than that of `regex` may have added."""
    property_of = regex.compile(r"\p{Default_Ignorable_Code_Point}")
    stated = {code for first, last in DEFAULT_IGNORABLE for code in range(first, last + 1)}
    known = {code for code in range(0x110000) if property_of.fullmatch(chr(code))}
    assert known <= stated
    assert all(unicodedata.category(chr(code)) == "Cn" for code in stated - known)
    assert all(end < begin for (_, end), (begin, _) in pairwise(DEFAULT_IGNORABLE))


def test_the_patterns_match_the_property_but_what_they_keep() -> None:
    stated = {code for first, last in DEFAULT_IGNORABLE for code in range(first, last + 1)}
    assert {code for code in range(0x110000) if IGNORABLE.fullmatch(chr(code))} == stated - {ZERO_WIDTH_SPACE}
    spelled = {ZERO_WIDTH_SPACE, *JOINERS}
    assert {code for code in range(0x110000) if UNSPELLED.fullmatch(chr(code))} == stated - spelled
    assert ignorable_codes() == sorted(stated - {ZERO_WIDTH_SPACE})


def test_a_run_goes_at_once() -> None:
    assert IGNORABLE.sub("", "a\u00ad\ufe0f\u200db\u200bc") == "ab\u200bc"
    assert UNSPELLED.sub("", "a\u00ad\ufe0f\u200db\u200bc") == "a\u200db\u200bc"
