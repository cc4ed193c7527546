"""Text extraction against mwparserfromhell's `strip_code` and gensim's `filter_wiki` on real pages.

What is compared. Words are those of `schemas.text.words` (characters of words for Japanese, which has no spaces), as
multisets per page. *Running prose* is every line of a text with at least `PROSE_WORDS` words. Recall is the share of
the reference's prose that stands anywhere in our text; precision is the share of our prose that stands anywhere in
the reference's text. Words found by chance would hide errors, so the share of word triples is printed beside.

The references keep what this project drops on purpose: cells of tables, captions of files, footnotes, galleries,
formulas, bare addresses (strip_code all of them; gensim cells and captions). `prose_source` takes these out of the
wikitext before the references see it, by counting brackets; our extractor always gets the page as it is.

The differences that are left, seen page by page:
- strip_code joins the words around a <br> or a dropped template ("Escape to Athena" + "Faith of" = "athenafaith"); a
  <br> is a line end here. It reads a table whose rows are HTML as text, attributes and all ("td align left"), and
  pairs quotes across <sub> tags badly ("''R<sub>i''</sub>").
- gensim takes a bare "<" ("in the <10 ppm level") for a tag that ends at the next ">", sections later: whole pages in
  `LOST`, parts of "Altaic languages" and "Principal ideal domain". It never pairs quotes, so markup inside a word
  splits it ("''K''<sub>a</sub>" becomes "k a"), and it drops the brackets of "[t]he".
  The inside of HTML tables stays.
- Footnotes escaped twice in a dump ("&amp;lt;ref&amp;gt;": "Polish notation") are text here, as they are in MediaWiki.
- Listings in <pre> and text in <code> with "<" inside are dropped by one side or another.
- {{nbsp}} and a few templates like it are a character here ("Apollo 8"), nothing in the references ("apollo8").

Not compared: testcorpus.xml.bz2, whose nine pages of a few words hold no line of prose.
"""

import bz2
import lzma
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mwparserfromhell
import pytest

from querygen.text.wikitext import TextExtractor
from querygen.wiki.dump import SiteInfo
from schemas.text import words
from tests.demo.dump_sample import dump_sample

pytest.importorskip("gensim", reason="gensim is in the extra demo")
from gensim.corpora.wikicorpus import filter_wiki

PROSE_WORDS = 10
MIN_RECALL, MIN_PRECISION = 0.99, 0.98

OPENERS = {"": open, ".bz2": bz2.open, ".xz": lzma.open}

LOST = {
    ("gensim", "Asphalt"): 'from "the <10 ppm level" on',
    ("gensim", "Arabic"): "from \"'telephone' < 'invisible caller\" on",
}
"""(reference, title): why the page says nothing about us. The other reference must agree with us on it."""
MAX_LOST_SHARE = 0.7
"""A page belongs into `LOST` only when the reference has less than this share of our words."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Articles of a dump, and how its wiki names files and categories."""

    articles: list[tuple[str, str]]
    site: SiteInfo


def read_sample(path: Path, every: int = 1) -> Sample:
    """Read every `every`-th article with Python's own XML parser; a dump cut in mid-page ends there."""
    opener = OPENERS.get(path.suffix, open)
    namespaces: dict[int, tuple[str, ...]] = {}
    articles = []
    found: dict[str, str] = {}
    with opener(path, "rb") as source:
        events = ElementTree.iterparse(source)
        try:
            for _, element in events:
                tag = element.tag.rsplit("}", 1)[-1]
                if tag == "namespace" and element.text:
                    namespaces[int(element.get("key", "0"))] = (element.text,)
                elif tag in ("title", "ns", "redirect", "text"):
                    found[tag] = element.text or ""
                elif tag == "page":
                    if found.get("ns", "0") == "0" and "redirect" not in found:
                        articles.append((found["title"], found.get("text", "")))
                    found = {}
                    element.clear()
        except ElementTree.ParseError:
            assert articles, f"{path}: no article before the end of the file"
    return Sample(articles=articles[::every], site=SiteInfo(namespaces=namespaces))


def without(text: str, opening: str, brackets: str) -> str:
    """Take out what begins with `opening` and ends where `brackets` (opening or closing) balance; nothing if never."""
    kept, position = [], 0
    for begin in re.finditer(opening, text, re.IGNORECASE | re.MULTILINE):
        if begin.start() < position:
            continue
        depth = 0
        for bracket in re.finditer(brackets, text[begin.start() :]):
            depth += 1 if bracket.group(0) in ("[[", "{|") else -1
            if depth == 0:
                kept.append(text[position : begin.start()])
                position = begin.start() + bracket.end()
                break
    return "".join([*kept, text[position:]])


def prose_source(wikitext: str, site: SiteInfo) -> str:
    """Return `wikitext` without what both sides agree to be no running prose."""
    names = ["File", "Image", "Media", "Category"]
    for number in (-2, 6, 14):
        names += site.namespaces.get(number, ())
    text = re.sub(r"<!--.*?-->", "", wikitext, flags=re.DOTALL)
    text = re.sub(r"<ref\b[^<>]*/>", "", text, flags=re.IGNORECASE)
    for tag in ("ref", "gallery", "timeline", "imagemap", "math", "chem", "score", "syntaxhighlight", "source", "pre",
                "table"):  # fmt: skip
        text = re.sub(rf"<{tag}\b[^<>]*>.*?</{tag}\s*>", "", text, flags=re.DOTALL | re.IGNORECASE)
    text = without(text, rf"\[\[\s*(?:{'|'.join(map(re.escape, names))})\s*:", r"\[\[|\]\]")
    text = without(text, r"^[ \t:*#;]*\{\|", r"\{\||(?<!\|)\|\}(?!\})")
    return re.sub(r'(?<!\[)\bhttps?://[^\s\]|<>"{}]+', "", text)


def mwparserfromhell_text(wikitext: str) -> str:
    return str(mwparserfromhell.parse(wikitext).strip_code())


REFERENCES: dict[str, Callable[[str], str]] = {"mwparserfromhell": mwparserfromhell_text, "gensim": filter_wiki}


def triples(found: list[str]) -> list[str]:
    return [" ".join(found[k : k + 3]) for k in range(len(found) - 2)]


def flat(lines: list[list[str]]) -> list[str]:
    return [word for line in lines for word in line]


class Comparison:
    """Sums over pages, and the pages themselves by what they lack."""

    def __init__(self, split: Callable[[str], list[str]], min_words: int) -> None:
        self.split = split
        self.min_words = min_words
        self.sums: Counter[str] = Counter()
        self.pages: list[tuple[int, str, Counter[str], Counter[str]]] = []

    def add(self, title: str, ours: str, reference: str) -> None:
        our_lines, their_lines = self._lines(ours), self._lines(reference)
        for unit, form in (("words", list), ("triples", triples)):
            all_ours, all_theirs = Counter(form(flat(our_lines))), Counter(form(flat(their_lines)))
            prose_ours, prose_theirs = self._prose(our_lines, form), self._prose(their_lines, form)
            missing, extra = prose_theirs - all_ours, prose_ours - all_theirs
            self.sums[f"{unit} ours"] += prose_ours.total()
            self.sums[f"{unit} theirs"] += prose_theirs.total()
            self.sums[f"{unit} missing"] += missing.total()
            self.sums[f"{unit} extra"] += extra.total()
            if unit == "words":
                self.pages.append((missing.total() + extra.total(), title, missing, extra))

    def _lines(self, text: str) -> list[list[str]]:
        return [self.split(line) for line in text.split("\n")]

    def _prose(self, lines: list[list[str]], form: Callable[[list[str]], list[str]]) -> Counter[str]:
        return Counter(part for line in lines if len(line) >= self.min_words for part in form(line))

    def recall(self, unit: str = "words") -> float:
        return 1 - self.sums[f"{unit} missing"] / max(1, self.sums[f"{unit} theirs"])

    def precision(self, unit: str = "words") -> float:
        return 1 - self.sums[f"{unit} extra"] / max(1, self.sums[f"{unit} ours"])

    def lines(self, name: str, worst: int) -> Iterator[str]:
        yield (
            f"{name}: {len(self.pages)} pages, {self.sums['words theirs']:,} words of prose: "
            f"recall {self.recall():.4f}, precision {self.precision():.4f} "
            f"(word triples {self.recall('triples'):.4f}, {self.precision('triples'):.4f})"
        )
        for number, title, missing, extra in sorted(self.pages, key=lambda page: -page[0])[:worst]:
            if number:
                yield f"  {title}: missing {missing.total()} {_few(missing)}; extra {extra.total()} {_few(extra)}"


def _few(counts: Counter[str]) -> str:
    return " ".join(f"{word}*{count}" for word, count in counts.most_common(6))


def characters(text: str) -> list[str]:
    return [character for word in words(text) for character in word]


def check(name: str, sample: Sample, split: Callable[[str], list[str]] = words, min_words: int = PROSE_WORDS) -> None:
    extractor = TextExtractor(sample.site)
    ours = {title: extractor.extract(wikitext.encode())[0] for title, wikitext in sample.articles}
    sources = {title: prose_source(wikitext, sample.site) for title, wikitext in sample.articles}
    for reference, text_of in REFERENCES.items():
        comparison = Comparison(split, min_words)
        for title, _ in sample.articles:
            text = text_of(sources[title])
            if (reference, title) in LOST:
                assert len(split(text)) < MAX_LOST_SHARE * len(split(ours[title])), (reference, title)
            else:
                comparison.add(title, ours[title], text)
        report = list(comparison.lines(f"{name} against {reference}", worst=8))
        print("\n" + "\n".join(report))
        assert comparison.sums["words theirs"] > 300, report
        assert comparison.recall() >= MIN_RECALL, report
        assert comparison.precision() >= MIN_PRECISION, report


def test_where_one_reference_is_lost_the_other_agrees_with_us() -> None:
    sample = read_sample(dump_sample())
    extractor = TextExtractor(sample.site)
    judged = 0
    for title, wikitext in sample.articles:
        for reference, text_of in REFERENCES.items():
            if (reference, title) not in LOST and any(lost == title for _, lost in LOST):
                comparison = Comparison(words, PROSE_WORDS)
                comparison.add(
                    title, extractor.extract(wikitext.encode())[0], text_of(prose_source(wikitext, sample.site))
                )
                assert comparison.recall() >= MIN_RECALL
                assert comparison.precision() >= MIN_PRECISION
                judged += 1
    assert judged > 0


def test_english_in_short() -> None:
    check("gensim's sample, every 12th article", read_sample(dump_sample(), every=12))


@pytest.mark.slow
def test_english() -> None:
    check("gensim's sample", read_sample(dump_sample()))


@pytest.mark.parametrize(
    ("file", "every"),
    [
        ("bgwiki-latest-pages-articles-shortened.xml.bz2", 1),
        ("ltgwiki-full/smallwiki-latest-pages-articles.xml", 6),
        ("hywiki-truncated-100k.xml.xz", 40),
    ],
)
def test_other_languages_in_short(shared_data: Path, file: str, every: int) -> None:
    check(file, read_sample(shared_data / "wikipedia" / file, every))


def test_japanese_in_short(shared_data: Path) -> None:
    sample = read_sample(shared_data / "wikipedia" / "jawiki-truncated-100k.xml.xz", every=40)
    check("jawiki, characters", sample, characters, 3 * PROSE_WORDS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "every"),
    [
        ("en_test.xml", 1),
        ("enwiki-table-markup.xml.bz2", 1),
        ("testdata_en.v1.xml.bz2", 1),
        ("ltgwiki-full/smallwiki-latest-pages-articles.xml", 1),
        ("ltgwiki-full/tinywiki-latest-pages-articles.xml", 1),
        ("hywiki-truncated-100k.xml.xz", 4),
    ],
)
def test_whole_samples(shared_data: Path, file: str, every: int) -> None:
    check(file, read_sample(shared_data / "wikipedia" / file, every))


@pytest.mark.slow
def test_japanese(shared_data: Path) -> None:
    sample = read_sample(shared_data / "wikipedia" / "jawiki-truncated-100k.xml.xz", every=4)
    check("jawiki, characters", sample, characters, 3 * PROSE_WORDS)
