"""ASCII by name, for kernels: the bytes that formats are written in, and what kind a byte is.

In: a byte. Out: whether it is of a kind, its small letter, its value as a digit. A kernel that looks for several bytes
asks `schemas.kernels.byte_scan.is_at`; one that looks at a byte compares it with a name from here. Letters are spliced:
in the scan of wikitext calls that LLVM inlines cost 4 %.
"""

import numpy as np

from schemas.kernels.compiled import inlined, spliced

TAB, NEWLINE, RETURN, SPACE, DELETE = map(ord, "\t\n\r \x7f")
DOUBLE_QUOTE, HASH_SIGN, PERCENT, AMPERSAND, SINGLE_QUOTE = map(ord, "\"#%&'")
OPEN_PAREN, CLOSE_PAREN, COMMA, DASH, DOT, SLASH = map(ord, "(),-./")
COLON, SEMICOLON, LESS, EQUALS, GREATER, QUESTION_MARK, AT_SIGN = map(ord, ":;<=>?@")
OPEN_BRACKET, BACKSLASH, CLOSE_BRACKET, UNDERSCORE = map(ord, "[\\]_")
OPEN_BRACE, BAR, CLOSE_BRACE = map(ord, "{|}")
ZERO, NINE, CAPITAL_A, CAPITAL_Z, SMALL_A, SMALL_F, SMALL_Z = map(ord, "09AZafz")

TO_SMALL = 32
"""The bit that a small letter has and its capital has not."""


@inlined
def is_space(byte):
    """Tell whether `byte` is white space: a blank, a tab, or what ends lines and pages."""
    return byte == SPACE or TAB <= byte <= RETURN


@inlined
def is_digit(byte):
    """Tell whether `byte` is a decimal digit."""
    return ZERO <= byte <= NINE


@spliced
def is_small_letter(byte):
    """Tell whether `byte` is one of a to z."""
    return SMALL_A <= byte <= SMALL_Z


@spliced
def small_letter(byte):
    """Return the small letter of a capital; any other byte as it is."""
    return byte | TO_SMALL if CAPITAL_A <= byte <= CAPITAL_Z else byte


@inlined
def hexadecimal(byte):
    """Return the value of a hexadecimal digit, -1 for any other byte."""
    if is_digit(byte):
        return np.int64(byte) - ZERO
    letter = byte | TO_SMALL
    if SMALL_A <= letter <= SMALL_F:
        return np.int64(letter) - SMALL_A + 10
    return np.int64(-1)
