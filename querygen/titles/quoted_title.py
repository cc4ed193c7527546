"""Titles in double quotes, as page views have them since February 2023: bytes of a line in, the title out.

Since then Spark writes Wikimedia's files, as CSV with a space between fields: a title that holds a double quote (or a
space) stands in quotes, in it a backslash before each quote and each backslash; an empty field is ``""``; any other
title stands as it is, backslashes too. Before, every title stood as it is. So of a title that begins with a quote

    "\\"Heroes\\"_(album)"      is quoted: a backslash is before each quote but the first and the last
    "Heroes"_(album)          is not: a quote within has no backslash
    "Heroes"                  is not: without a quote or a space within, Spark would not have quoted it
    ""                        is empty (and a title of two quotes has no word in it)

A title of the years before that would be taken for a quoted one holds a backslash and a quote behind it.
"""

from schemas.kernels.ascii import BACKSLASH, DOUBLE_QUOTE, SPACE, is_space
from schemas.kernels.compiled import leaf


@leaf
def quoted_end(data, begin, end):
    """Return the place behind the quoted field that begins at `begin`, a quote; -1 when it is a title as it stands."""
    needed = False  # whether it holds what is quoted
    i = begin + 1
    while i < end and data[i] != DOUBLE_QUOTE:
        if data[i] == BACKSLASH:
            i += 1
            if i == end or (data[i] != DOUBLE_QUOTE and data[i] != BACKSLASH):
                return -1
            needed |= data[i] == DOUBLE_QUOTE
        needed |= is_space(data[i])
        i += 1
    if i >= end or (i + 1 < end and data[i + 1] != SPACE):
        return -1
    return i + 1 if needed or i == begin + 1 else -1


@leaf
def unquote(data, begin, end, out):
    """Write the text of the quoted field ``data[begin:end]`` to `out`; return its length."""
    length = 0
    i = begin + 1
    while i < end - 1:
        if data[i] == BACKSLASH:
            i += 1
        out[length] = data[i]
        length += 1
        i += 1
    return length
