"""Copies of a real dump's pages with other titles and other words: the XML of a dump in, the pages of copy n out.

The prose that pages show is split once into words and what stands between them; a copy puts other words between the
same pieces. Function words, numbers and all markup stay. The other words are named anew in each run of `RUN_WORDS`
of them (about as many as an article of the real Wikipedia has), so that distinct words and bigrams grow with the
text; within a run a word keeps its name, as the words of a topic do, which keeps the file as compressible as it was.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.bench.made_words import ENDINGS, LONG, STEMS, length_class

RARE = 1000
"""A word that the sample's prose holds more often than this stays: 'the', 'that', a dozen. Words of one or
two letters stay too."""
KEPT_SHARE = 0.02
"""Of the other words of a run so many stay too; they become the words of middling frequency."""
RUN_WORDS = 350
"""Of one run, repeated words counted again."""
LEAST_PROSE = 0.5
"""Articles with a smaller share of prose (lists, tables) are left out. With all of them 800 MB hold 57 million
bigrams, too few for 50 million distinct ones beside those of function words."""

TITLE = -1

_PAGE = re.compile(r"  <page>\n.*?</page>\n", re.DOTALL)
_PARTS = re.compile(r"(.*?<title>)(.*?)(</title>.*?<id>)(\d+)(</id>.*?)(<text[^>]*>)(.*?)(</text>.*)", re.DOTALL)
_REDIRECT = re.compile(r'(.*<redirect title=")([^"]*)(".*)', re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{3,}")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_MARKUP = re.compile(
    r"(?P<open>\{\{|\{\|)|(?P<close>\}\}|\|\})"
    r"|&lt;!--.*?--&gt;"
    r"|&lt;(?P<tag>ref|math|gallery|nowiki|timeline|source|pre|syntaxhighlight)\b(?:(?!&gt;).)*?"
    r"(?:/&gt;|&gt;.*?&lt;/(?P=tag)\s*&gt;)"
    r"|&lt;/?[a-zA-Z](?:(?!&[lg]t;).)*&gt;"
    r"|\[\[\s*:?[A-Za-z][\w -]*:[^\n]*"  # files, categories, other languages: to the end of the line
    r"|\[\[[^\[\]|\n]*\|"  # the target of a link that has a label
    r"|\[?(?:https?:)?//[^\s\]]*|&[a-z#0-9]+;(?:[a-z#0-9]+;)?|__[A-Z]+__",
    re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the sample: the number of a slot (see `DumpSample`) between each two pieces."""

    pieces: list[bytes]
    slots: list[int]


def prose_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of `text` (wikitext within XML) outside templates, tables, references, tags and addresses.

    A rough cut, not querygen's: an error leaves a word as it was, or renames one that is not shown.
    """
    spans = []
    depth, start = 0, 0
    for found in _MARKUP.finditer(text):
        if depth == 0 and found.start() > start:
            spans.append((start, found.start()))
        depth = max(0, depth + bool(found["open"]) - bool(found["close"]))
        start = found.end()
    if depth == 0 and start < len(text):
        spans.append((start, len(text)))
    return spans


class DumpSample:
    """The pages of a dump, taken apart. What changes stands in slots: 0 is a page's id, others hold words or titles."""

    def __init__(self, xml: str) -> None:
        self.header = xml[: xml.index("  <page>\n")].encode()
        self.footer = b"</mediawiki>\n"
        self._spellings = ["0"]
        self._rows = [(TITLE, 0, 0)]
        """Of each slot the run it is in (or `TITLE`), its length class, and which word of the run it is."""
        self._num_runs = 0
        taken = []
        for match in filter(None, map(_PARTS.fullmatch, _PAGE.findall(xml))):
            redirect = "<redirect " in match[5]
            spans = [] if redirect else prose_spans(match[7])
            if redirect or sum(end - start for start, end in spans) >= LEAST_PROSE * len(match[0]):
                taken.append((match, spans))
        counts: Counter[str] = Counter()
        for match, spans in taken:
            for start, end in spans:
                counts.update(_WORD.findall(match[7], start, end))
        self._frequent = {word for word, count in counts.items() if count > RARE}
        self.pages = [self._take_apart(match, spans) for match, spans in taken]
        self._runs, self._classes, self._numbers = np.array(self._rows).T

    def _take_apart(self, match: re.Match[str], spans: list[tuple[int, int]]) -> Page:
        pieces, slots = [match[1], match[3]], [self._add(match[2], (TITLE, 0, 0)), 0]
        text, done, before = match[7], 0, match[5] + match[6]
        redirect = _REDIRECT.fullmatch(before)
        if redirect:
            pieces.append(redirect[1])
            slots.append(self._add(redirect[2], (TITLE, 0, 0)))
            before = redirect[3]
        left = 0
        for start, end in spans:
            for word in _WORD.finditer(text, start, end):
                if word[0] in self._frequent or not _LATIN.fullmatch(word[0]):
                    continue
                if left == 0:
                    self._num_runs += 1
                    numbers: dict[str, int] = {}
                    known: dict[str, int] = {}
                    left = RUN_WORDS
                left -= 1
                number = numbers.setdefault(word[0].lower(), len(numbers))
                if word[0] not in known:
                    known[word[0]] = self._add(word[0], (self._num_runs - 1, length_class(word[0]), number))
                pieces.append(before + text[done : word.start()])
                slots.append(known[word[0]])
                done, before = word.end(), ""
        pieces.append(before + text[done:] + match[8])
        return Page(pieces=[piece.encode() for piece in pieces], slots=slots)

    def _add(self, spelling: str, row: tuple[int, int, int]) -> int:
        self._spellings.append(spelling)
        self._rows.append(row)
        return len(self._rows) - 1

    def copy(self, number: int, seed: int) -> Iterator[bytes]:
        """Yield the pages of copy `number`."""
        spellings = self._spell(number, seed)
        for index, page in enumerate(self.pages):
            spellings[0] = b"%d" % (number * len(self.pages) + index + 1)
            parts = page.pieces * 2
            parts[::2] = page.pieces
            parts[1::2] = [*map(spellings.__getitem__, page.slots), b""]
            yield b"".join(parts)

    def _spell(self, number: int, seed: int) -> list[bytes]:
        draw = np.random.default_rng((seed, number))
        stems = np.stack([draw.integers(len(STEMS[each]), size=self._num_runs) for each in range(len(STEMS))])
        first = draw.integers(len(ENDINGS), size=self._num_runs)
        endings = draw.permutation(len(ENDINGS))[(first[self._runs] + self._numbers) % len(ENDINGS)]
        # Whether a word stays is drawn for all its spellings in the run at once.
        kept = draw.random((self._num_runs, RUN_WORDS))[self._runs, self._numbers] < KEPT_SHARE
        title = " " + (STEMS[LONG][number % len(STEMS[LONG])] + ENDINGS[number // len(STEMS[LONG])]).capitalize()
        made = []
        for spelling, run, kind, stem, ending, stays in zip(
            self._spellings, self._runs.tolist(), self._classes.tolist(), stems[self._classes, self._runs].tolist(),
            endings.tolist(), kept.tolist(), strict=True,
        ):  # fmt: skip
            if run == TITLE:
                word = spelling + title
            elif stays:
                word = spelling
            else:
                word = STEMS[kind][stem] + ENDINGS[ending]
                if not spelling.islower():
                    word = word.upper() if spelling.isupper() else word.capitalize()
            made.append(word.encode())
        return made
