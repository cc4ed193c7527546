"""Words of languages written without spaces: text in, the same text with a space between its words out.

ICU finds the words with its dictionaries (one package for Chinese, Japanese, Thai, Lao, Burmese and Khmer); what
follows then treats the text like any other. Nothing but spaces and line ends is put in, nothing is taken out:

    東京都は、首都である。iPhoneも。   ->   東京 都 は、首都 で ある。iPhone も。
"""

import functools
import importlib.util
import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from schemas.ignorable import IGNORABLE

SEGMENTED = frozenset(("gan", "ja", "km", "lo", "lzh", "my", "th", "wuu", "yue", "zh", "zh-classical", "zh-yue"))
"""Wikipedias in a language whose words ICU's dictionaries know. Other Chinese ones (zh-min-nan, hak, cdo) are written
in Latin letters."""

WIKI_LANGUAGES = {
    "als": "gsw", "bat-smg": "sgs", "fiu-vro": "vro", "no": "nb", "roa-rup": "rup", "simple": "en",
    "zh-classical": "lzh", "zh-min-nan": "nan", "zh-yue": "yue",
}  # fmt: skip
"""Wikipedias whose code is not that of their language: what their dumps call themselves."""

PIECE_CHARACTERS = 8192
"""ICU is given pieces of at most this length, cut where no word is: it keeps tables as long as its text, and so time is
linear and memory bounded for one run of 10 million letters too. A longer run is cut in two there."""

_EAST_ASIAN = (
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"  # iteration marks, numerals
    "\u3041-\u309f\u30a1-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003347f"  # Han
)
_SOUTH_EAST_ASIAN = (
    "\u0e01-\u0e3a\u0e40-\u0e5b\u0e80-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff"  # Burmese, Khmer
)

_JOINED = re.compile(f"(?<=[{_EAST_ASIAN}]) | (?=[{_EAST_ASIAN}])|(?<=[{_SOUTH_EAST_ASIAN}]) (?=[{_SOUTH_EAST_ASIAN}])")
_PHRASE_END = re.compile(f"(?<=[{_SOUTH_EAST_ASIAN}])[ \u00a0\u3000]+(?=[{_SOUTH_EAST_ASIAN}])")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CUTS = "\n 。、，．！？．,."
"""A piece ends after the last of these; none is part of a word or decides where one ends."""

_WORD, _MARK, _UNSPACED = 1, 2, 4

_WITHOUT_LIBRARY = {
    "bo": "between two tshegs", "dz": "between two tshegs",
    **dict.fromkeys(("blk", "mnw", "shn", "tdd"), "between two spaces"),
}  # fmt: skip


@dataclass(frozen=True)
class Segmenter:
    """How the words of one language are found. Made once for a run and handed on, to other processes too."""

    language: str
    """Code of the wiki."""
    version: str | None
    """Library and version that find the words: part of a run's identity; None where spaces set them apart."""

    @property
    def finds_words(self) -> bool:
        """Whether the language is written without spaces: `segment` finds its words, `join_words` joins them again."""
        return self.version is not None


def find_segmenter(language: str) -> Segmenter:
    """Return the segmenter of `language`. Raises ValueError when the library for it is not installed."""
    if language not in SEGMENTED:
        return Segmenter(language, None)
    if importlib.util.find_spec("icu4py") is None:
        raise ValueError(
            f"--language {language}: its words are not set apart by spaces, and icu4py, which finds them, is not "
            f"installed; install it with: pip install 'webimagetext[languages]'"
        )
    import icu4py

    return Segmenter(language, f"ICU {icu4py.icu_version}")


def language_note(language: str) -> str | None:
    """Return what a user should know of the words of `language`: that no library finds them."""
    place = _WITHOUT_LIBRARY.get(language)
    return None if place is None else f"no segmenter for the language {language!r}: a word is what stands {place}"


def join_words(surface: str) -> str:
    """Return the words of a bigram, joined by one space, as they stand in running text.

    Chinese and Japanese are joined to whatever stands beside them, the scripts of South East Asia to each other (a
    space sets numbers and Latin words apart there): ``東京 大学`` gives ``東京大学``, ``New York`` stays.
    """
    return _JOINED.sub("", surface)


def segment(text: str) -> str:
    """Return `text` with a space put between adjacent words where one of them is of a script without spaces.

    A line end is put behind a space between two letters of a South East Asian script: there it ends a phrase or
    sentence, and no bigram may reach across it. Any string is taken, lone surrogates included. Characters that normal
    forms ignore part no words here either: they stay with the character before them.
    """
    if text.isascii():
        return text
    seen = IGNORABLE.sub("", text)
    word_starts = _word_cuts(seen)
    phrase_starts = [match.end() for match in _PHRASE_END.finditer(seen)]
    if len(seen) < len(text):
        ignored = [match.span() for match in IGNORABLE.finditer(text)]
        word_starts, phrase_starts = _places_with(ignored, word_starts), _places_with(ignored, phrase_starts)
    put_in = {**dict.fromkeys(word_starts, " "), **dict.fromkeys(phrase_starts, "\n")}
    cuts = [0, *sorted(put_in), len(text)]
    return "".join(text[first:last] + put_in.get(last, "") for first, last in pairwise(cuts))


def _places_with(ignored: list[tuple[int, int]], places: list[int]) -> list[int]:
    """Return the ascending `places` in a text without its `ignored` spans as places in that text itself."""
    found, number, skipped = [], 0, 0
    for place in places:
        while number < len(ignored) and ignored[number][0] - skipped <= place:
            skipped += ignored[number][1] - ignored[number][0]
            number += 1
        found.append(place + skipped)
    return found


def _word_cuts(text: str) -> list[int]:
    """Return where in `text` a word starts beside another one."""
    found: list[int] = []
    start = 0
    while start < len(text):
        end = min(start + PIECE_CHARACTERS, len(text))
        if end < len(text):
            end = max(text.rfind(mark, start, end) for mark in _CUTS) + 1 or end
        found += _cuts_of_piece(text, start, end)
        start = end
    return found


def _cuts_of_piece(text: str, start: int, end: int) -> list[int]:
    before = 1 if start else 0  # the character before comes along: a word may have been cut there
    piece = text[start - before : end]
    codes = np.frombuffer(piece.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kinds = _kinds()[codes]
    if not (kinds & _UNSPACED).any():
        return []
    places = before + _word_starts(piece[before:], codes[before:])
    places = places[places > 0]
    left, right = kinds[places - 1], kinds[places]
    adjacent = (left & _WORD != 0) & (right & (_WORD | _MARK) == _WORD) & ((left | right) & _UNSPACED != 0)
    cuts: list[int] = (start - before + places[adjacent]).tolist()
    return cuts


def _word_starts(piece: str, codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Return the places in `piece` (its code points are `codes`) where ICU sees a word or a separator start."""
    from icu4py.breakers import WordBreaker

    # every language's dictionary is part of ICU's root locale
    segments = WordBreaker(_SURROGATES.sub("\ufffd", piece), "root").segments()
    starts = np.fromiter((start for start, _ in segments), np.int64)
    if codes.max() > 0xFFFF:  # ICU counts in UTF-16
        units = 1 + (codes > 0xFFFF)
        starts = np.searchsorted(np.cumsum(units) - units, starts)
    return starts


@functools.lru_cache(maxsize=1)
def _kinds() -> npt.NDArray[np.uint8]:
    """Return the flags of each code point: part of a word by `schemas.text`, mark, written without spaces."""
    flags = {"L": _WORD, "N": _WORD, "M": _WORD | _MARK}
    kinds = np.fromiter((flags.get(unicodedata.category(chr(code))[0], 0) for code in range(0x110000)), np.uint8)
    for first, last in re.findall("(.)-(.)", _EAST_ASIAN + _SOUTH_EAST_ASIAN):
        script = kinds[ord(first) : ord(last) + 1]
        script[script != 0] |= _UNSPACED
    return kinds
