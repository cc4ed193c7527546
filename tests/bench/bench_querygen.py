"""Speed of querygen: a dump to counts beside decompression alone and gensim, then page views; all on one core.

Run by `make bench BENCH=querygen`. The dump is gensim's sample of a real one, repeated with other titles and
other rare words, one bz2 stream per copy. gensim's worker process is held to the same core.
The plain loop over page views neither checks its lines nor undoes the percent-encoding of titles; ours does.
"""

import bz2
import gzip
import html
import os
import random
import re
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

from gensim.corpora import WikiCorpus

from querygen.count_dump import count_file
from querygen.titles import PageViews
from tests.bench.timing import best, line
from tests.demo.dump_sample import dump_sample

COPIES = 7
RARE = 2
"""A word with at most so many occurrences in the sample is another word in each copy."""
ROUNDS = 2
NUM_VIEW_LINES = 1_500_000

_SMALL_WORD = re.compile(r"([a-z]{4,})")


def write_dump(path: Path) -> int:
    """Write the dump, return the bytes of its XML."""
    xml = bz2.decompress(dump_sample().read_bytes()).decode()
    start = xml.index("  <page>")
    end = xml.rindex("</page>") + len("</page>\n")
    pieces = _SMALL_WORD.split(xml[start:end])
    counts = Counter(pieces[1::2])
    rare = {word for word, count in counts.items() if count <= RARE}
    choose = random.Random(0)
    num_bytes = 0
    with path.open("wb") as file:
        for copy in range(COPIES):
            suffix = "".join(choose.choices("bcdfghklmnprstvz", k=3))
            named = [piece + suffix if number % 2 and piece in rare else piece for number, piece in enumerate(pieces)]
            pages = "".join(named).replace("</title>", f" {html.escape(suffix)}</title>")
            stream = f"{xml[:start] if copy == 0 else ''}{pages}{xml[end:] if copy == COPIES - 1 else ''}".encode()
            num_bytes += len(stream)
            file.write(bz2.compress(stream))
    return num_bytes


def write_page_views(path: Path) -> int:
    """Write an hour of made page views, sorted by domain as real ones are; return the bytes of its text."""
    choose = random.Random(0)
    letters = "abcdefghijklmnoprstuvw"
    made = ["".join(choose.choices(letters, k=choose.randint(2, 9))).capitalize() for _ in range(40_000)]
    endings = ["", "", "", "_(film)", "%C3%A9", ",_Ohio"]
    domains = ["de", "de.m", "en", "en.m", "fr", "fr.m", "ja.m", "ru"]
    weights = [9, 9, 25, 30, 8, 8, 6, 5]
    text = "".join(
        f"{domain} {choose.choice(made)}_{choose.choice(made)}{choose.choice(endings)} {choose.randint(1, 9)} 0\n"
        for domain in sorted(choose.choices(domains, weights, k=NUM_VIEW_LINES))
    ).encode()
    path.write_bytes(gzip.compress(text, 6))
    return len(text)


def bench_dump(path: Path, num_bytes: int) -> None:
    def ours() -> None:
        counts = count_file(str(path), path.name)
        assert counts.statistics["xml_bytes"] == num_bytes
        assert not [rejection for rejection in counts.rejections if rejection[0] != "page_markup_unclosed"]

    def decompression() -> None:
        with bz2.open(path) as file:
            while file.read(1 << 20):
                pass

    def gensim() -> None:
        words: Counter[str] = Counter()
        bigrams: Counter[tuple[str, str]] = Counter()
        for tokens in WikiCorpus(str(path), processes=1, dictionary={}).get_texts():
            words.update(tokens)
            bigrams.update(pairwise(tokens))
        assert bigrams

    our_seconds, bz2_seconds, gensim_seconds = best(ours, decompression, gensim, rounds=ROUNDS)
    megabytes = num_bytes / 1e6
    line("querygen-dump-of-bz2", megabytes / our_seconds, "bz2 alone", megabytes / bz2_seconds, "MB/s of XML", 0.6)
    line("querygen-dump", megabytes / our_seconds, "gensim", megabytes / gensim_seconds, "MB/s of XML", 10)


def bench_page_views(path: Path, num_bytes: int) -> None:
    found: list[int] = []

    def ours() -> None:
        views = PageViews("en")
        views.add_file(str(path), path.name)
        assert not views.rejections
        found.append(views.views.total())

    def plain() -> None:
        views: Counter[str] = Counter()
        with gzip.open(path, "rt") as file:
            for text in file:
                domain, title, count, _ = text.split(" ")
                if domain in ("en", "en.m"):
                    views[title] += int(count)
        found.append(views.total())

    our_seconds, plain_seconds = best(ours, plain)
    assert len(set(found)) == 1
    megabytes = num_bytes / 1e6
    line("querygen-views", megabytes / our_seconds, "gzip and split", megabytes / plain_seconds, "MB/s of text", 1)


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="bench-querygen-") as name:
        dump, views = Path(name) / "dump.xml.bz2", Path(name) / "pageviews-20260101-000000.gz"
        bench_dump(dump, write_dump(dump))
        bench_page_views(views, write_page_views(views))


if __name__ == "__main__":
    main()
