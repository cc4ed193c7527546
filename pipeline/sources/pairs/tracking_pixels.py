"""Images that nobody is meant to see: tracking pixels and spacers, told by their addresses.

In: a column of URLs. Out: a column of booleans. The list is short and of what is common; images that declare a width
or height of one pixel are told by the HTML scanner itself.
"""

import pyarrow as pa
import pyarrow.compute as pc

_FILE_NAMES = (
    "1x1", "1px", "pixel", "pix", "px", "spacer", "blank", "clear", "cleardot", "transparent", "trans", "transp",
    "dot_clear", "dot_trans", "shim", "empty", "invisible",
)  # fmt: skip
_FILE_ENDINGS = ("gif", "png", "webp", "svg")
_TRACKERS = (
    r"facebook\.com/tr[/?]", r"google-analytics\.com/", r"googleadservices\.com/pagead/", r"doubleclick\.net/",
    r"scorecardresearch\.com/", r"quantserve\.com/", r"pixel\.wp\.com/", r"stats\.wp\.com/", r"bat\.bing\.com/",
    r"mc\.yandex\.ru/", r"counter\.yadro\.ru/", r"hm\.baidu\.com/", r"px\.ads\.linkedin\.com/",
    r"analytics\.twitter\.com/",
    r"t\.co/i/adsct", r"ct\.pinterest\.com/", r"counter\.rambler\.ru/", r"top-fwz1\.mail\.ru/",
    r"top\.mail\.ru/", r"feeds\.feedburner\.com/~r/", r"statcounter\.com/", r"histats\.com/",
)  # fmt: skip

PATTERN = (
    r"(?i)^https?://(?:"
    rf"(?:[a-z0-9.-]*\.)?(?:{'|'.join(_TRACKERS)})"
    rf"|[^?#]*/(?:{'|'.join(_FILE_NAMES)})\.(?:{'|'.join(_FILE_ENDINGS)})(?:[?#]|$))"
)
"""Hosts of trackers, and last segments of paths."""


def is_tracking_pixel(urls: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Tell per URL whether it is one of a tracker or of a spacer."""
    return pc.match_substring_regex(urls, PATTERN)
