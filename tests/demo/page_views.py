"""Page-view files in the layout of Wikimedia's hourly dumps, for the titles of the dump sample.

The layout is real (dumps.wikimedia.org/other/pageviews: `domain title count bytes`, title with underscores,
sorted, gzip, `pageviews-YYYYMMDD-HH0000.gz`); the counts are made up: a Zipf law over the titles in an order
drawn from the seed, a third of the views on the desktop domain `en`, the rest on the mobile one, `en.m`.
"""

import gzip
from pathlib import Path

import numpy as np

NUM_HOURS = 6
MOST_VIEWS_PER_HOUR = 4_000
ZIPF_EXPONENT = 1.05

NOISE = (
    ("de", "Berlin", 412),
    ("de.m", "Wikipedia:Hauptseite", 9120),
    ("fr", "Algèbre", 35),
    ("en.d", "anarchism", 12),
    ("en", "-", 1871),
    ("en.m", "-", 2210),
    ("en", "Main_Page", 184_032),
    ("en.m", "Main_Page", 350_100),
    ("en", "Special:Search", 91_115),
    ("en.m", "Special:Random", 3_033),
    ("en", "File:Achilles.jpg", 14),
    ("en", "Talk:Anarchism", 9),
    ("en", "User:Example", 3),
)
"""Lines of real files that are no article of the English Wikipedia: (domain, title, count)."""


def page_view_files(titles: list[str], seed: int) -> dict[str, bytes]:
    """Return the hourly files by name; the same titles and seed give the same bytes."""
    rng = np.random.default_rng([seed, 5])
    rank = rng.permutation(len(titles)) + 1
    daily = MOST_VIEWS_PER_HOUR / rank**ZIPF_EXPONENT
    files = {}
    for hour in range(NUM_HOURS):
        lines = [f"{domain} {title} {count} 0" for domain, title, count in NOISE]
        for share, domain in ((1 / 3, "en"), (2 / 3, "en.m")):
            counts = rng.poisson(daily * share * (0.7 + 0.1 * hour))
            lines += [
                f"{domain} {title.replace(' ', '_')} {count} 0"
                for title, count in zip(titles, counts, strict=True)
                if count
            ]
        text = "\n".join(sorted(lines)) + "\n"
        files[f"pageviews-20260401-{hour:02d}0000.gz"] = gzip.compress(text.encode(), mtime=0)
    return files


def write_page_views(titles: list[str], seed: int, directory: Path) -> None:
    """Write the hourly files into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in page_view_files(titles, seed).items():
        (directory / name).write_bytes(data)
