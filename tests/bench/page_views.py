"""Speed of page views: files made of real titles, ours beside unpacking alone and a plain Python loop, on one core.

The files are sorted by domain as real ones are, 29 % of the lines are of the language, and most titles come once: real
ones are joined two by two. Where the real titles are absent, made ones stand in.
"""

import gzip
import json
import random
import resource
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

from querygen.titles.page_views import ViewCounts, count_views_file, merge_views
from querygen.titles.titles import count_titles
from querygen.wiki.dump import SiteInfo
from querygen.wiki.redirects import redirect_table
from schemas.packed import decompress
from tests.bench.timing import best, line
from tests.conftest import SHARED_DATA

NUM_LINES = 2_000_000
DOMAINS = {"de": 9, "de.m": 9, "en": 13, "en.m": 15, "en.zero": 1, "fr": 8, "fr.m": 8, "ja.m": 20, "ru": 17}
WANTED_RATE = 100
"""MB/s of text on one core."""


def titles() -> list[str]:
    """Return the most viewed English titles, underscores for spaces."""
    files = sorted((SHARED_DATA / "page_views" / "en.wikipedia").glob("*.json"))
    found = {row["article"].replace(" ", "_") for path in files for row in json.loads(path.read_text())}
    return sorted(found) or [f"Made_title_{number}" for number in range(2_000)]


def write_page_views(path: Path) -> int:
    """Write an hour of page views, return the bytes of its text."""
    choose, real = random.Random(0), titles()
    lines = []
    for domain in sorted(choose.choices(list(DOMAINS), list(DOMAINS.values()), k=NUM_LINES)):
        title = choose.choice(real)
        if choose.random() < 0.7:
            title = f"{title}_{choose.choice(real)}"
        if choose.random() < 0.05:
            title = quote(title)
        lines.append(f"{domain} {title} {choose.randint(1, 99) if choose.random() < 0.3 else 1} 0\n")
    text = "".join(lines).encode()
    path.write_bytes(gzip.compress(text, 6, mtime=0))
    return len(text)


def bench_page_views(folder: Path) -> None:
    """Print the lines: one file counted, beside peers; then merging and titles by the million."""
    path = folder / "pageviews-20260101-000000.gz"
    megabytes = write_page_views(path) / 1e6
    sums = []

    def ours() -> None:
        counts = count_views_file(str(path), path.name, "en")
        assert not counts.rejections
        sums.append(counts.tally["views"])

    def unpacking() -> None:
        with path.open("rb") as file:
            for _ in decompress(file):
                pass

    def plain() -> None:
        views: Counter[str] = Counter()
        with gzip.open(path, "rt") as file:
            for text in file:
                domain, title, count, _ = text.split(" ")
                if domain in ("en", "en.m", "en.zero"):
                    views[title] += int(count)
        sums.append(views.total())

    ours()  # compiles
    our_seconds, unpacking_seconds, plain_seconds = best(ours, unpacking, plain)
    assert len(set(sums)) == 1
    rate = megabytes / our_seconds
    line("querygen-views", rate, "wanted rate", WANTED_RATE, "MB/s of text", 1)
    print(f"bench querygen-views: unpacking alone {megabytes / unpacking_seconds:.0f} MB/s of text", flush=True)
    line("querygen-views-plain", rate, "gzip and split", megabytes / plain_seconds, "MB/s of text", 2)
    _bench_titles()


def _bench_titles() -> None:
    """Merge and rank 3 million made titles; say their memory."""
    choose, real = random.Random(1), titles()
    made = [f"{choose.choice(real)} {choose.choice(real)} {number}".replace("_", " ") for number in range(3_000_000)]
    views = pa.array([choose.randint(1, 9) for _ in made], pa.int64())
    part = ViewCounts(titles=pa.array([title.encode() for title in made], pa.large_binary()), views=views)
    del made
    redirects = redirect_table({f"Redirect {number}": real[number % len(real)] for number in range(100_000)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    merged = merge_views([part, part])
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count_titles(merged, redirects, SiteInfo(), floor=2)
    whole = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    millions = len(merged.titles) / 1e6
    seconds = best(
        lambda: merge_views([part]), lambda: count_titles(merged, redirects, SiteInfo(), floor=2), rounds=1
    )  # fmt: skip
    print(
        f"bench querygen-titles: of {millions:.1f} million titles of {merged.titles.nbytes / len(merged.titles):.0f} "
        f"bytes merge {seconds[0]:.2f} s, rank {seconds[1]:.2f} s, memory of the merge "
        f"{(after - before) / 1024 / millions:.0f} MiB per million, "
        f"of ranking {(whole - after) / 1024 / millions:.0f} more",
        flush=True,
    )
