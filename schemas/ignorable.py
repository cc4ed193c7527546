"""Characters without a shape of their own: Unicode's Default_Ignorable_Code_Point, as ranges and as patterns.

In: nothing. Out: what `schemas.text` takes out of a text before it folds it. Python's Unicode database does not hold
the property, so it stands here: DerivedCoreProperties.txt of Unicode 18.0, 4,174 code points, the same since 14.0. It
covers code points that are not assigned yet, and so does not depend on the database of the Python that runs.
"""

import re
from itertools import pairwise

DEFAULT_IGNORABLE = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x061C, 0x061C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors, vowel separator
    (0x200B, 0x200F),  # zero width space, non-joiner, joiner, direction marks
    (0x202A, 0x202E),  # direction embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, direction isolates, deprecated format characters
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors 1-16
    (0xFEFF, 0xFEFF),  # zero width no-break space: the byte order mark
    (0xFFA0, 0xFFA0),  # half-width Hangul filler
    (0xFFF0, 0xFFF8),  # not assigned
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical beams, ties, slurs and phrases
    (0xE0000, 0xE0FFF),  # tags, variation selectors 17-256, not assigned
)
"""First and last code point of each range of the property."""

ZERO_WIDTH_SPACE = 0x200B
"""The one that parts words: it marks where a line may break between two of them, in Thai, Khmer and others. UAX #29
leaves it out of Word_Break=Format (rule WB4) for that."""

JOINERS = (0x200C, 0x200D)
"""Zero width non-joiner and joiner: part of how words of Persian, Sinhala, Malayalam and others are spelled (UAX #31,
2.3), so a word's spelling keeps them, its normal form does not."""


def _run_of_others(*kept: int) -> re.Pattern[str]:
    """Return the pattern of a run of the property's characters without those `kept`."""
    members = ""
    for first, last in DEFAULT_IGNORABLE:
        ends = [first - 1, *(code for code in kept if first <= code <= last), last + 1]
        members += "".join(f"{chr(a + 1)}-{chr(b - 1)}" for a, b in pairwise(ends) if b - a > 1)
    return re.compile(f"[{members}]+")


IGNORABLE = _run_of_others(ZERO_WIDTH_SPACE)
"""A run of characters that part no word and are none."""

UNSPELLED = _run_of_others(ZERO_WIDTH_SPACE, *JOINERS)
"""A run of those that are no part of a word's spelling either."""


def ignorable_codes() -> list[int]:
    """Return the code points that `IGNORABLE` matches, ascending."""
    codes = (code for first, last in DEFAULT_IGNORABLE for code in range(first, last + 1))
    return [code for code in codes if code != ZERO_WIDTH_SPACE]
