"""Page views of articles: hourly files ``pageviews-YYYYMMDD-HH0000`` in, views per title out.

A line is ``domain title count bytes`` (Wikimedia, "Analytics/Data Lake/Traffic/Pageviews"); ``en`` is the desktop site
of English Wikipedia, ``en.m`` its mobile site. Counted are all titles outside the other namespaces, whether
the dump has the article or not; views of a redirect count for the page it leads to.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import fsspec
import pyarrow as pa

from querygen.dump import BROKEN_DATA, FileTruncated, Rejection, SiteInfo, decompress, plain_title
from schemas.query import TITLE_COUNTS
from schemas.text import normal_form

MAX_LINE_BYTES = 64 * 1024
MAX_REDIRECTS = 5

_LINE = re.compile(rb"(\S+) (\S+) (\d{1,15}) (\d{1,18})\s*")


class PageViews:
    """Sums the views of the titles of one language over many files."""

    def __init__(self, language: str) -> None:
        self._prefixes = (f"{language} ".encode(), f"{language}.m ".encode())
        self.views: Counter[str] = Counter()
        """Views by title as written in the files, percent-encoding undone, spaces for underscores."""
        self.rejections: list[Rejection] = []
        self.num_lines = 0

    def add_file(self, path: str, name: str, progress: Callable[[int], Any] = lambda num_bytes: None) -> None:
        """Count the lines of one file (plain, gzip or bzip2); `name` is what rejections call it."""
        raw_views: Counter[bytes] = Counter()
        position, rest = 0, b""
        try:
            with fsspec.open(path, "rb") as raw:
                for piece in decompress(raw, progress):
                    lines = (rest + piece).split(b"\n")
                    rest = lines.pop()
                    position = self._add_lines(lines, position, name, raw_views)
                    if len(rest) > MAX_LINE_BYTES:
                        self.rejections.append(("page_views_line_malformed", name, position, rest))
                        position, rest = position + len(rest), b""
        except FileTruncated as error:
            self.rejections.append(("file_truncated", name, position, str(error)))
            rest = b""
        except BROKEN_DATA as error:
            self.rejections.append(("file_unreadable", name, position, type(error).__name__))
            rest = b""
        self._add_lines([rest] if rest else [], position, name, raw_views)
        for raw_title, count in raw_views.items():
            title = unquote(raw_title.decode("utf-8", "replace"), errors="replace")
            self.views[plain_title(title)] += count

    def _add_lines(self, lines: list[bytes], position: int, name: str, raw_views: Counter[bytes]) -> int:
        for line in lines:
            if line.startswith(self._prefixes):
                match = _LINE.fullmatch(line)
                if match is None:
                    self.rejections.append(("page_views_line_malformed", name, position, line))
                else:
                    self.num_lines += 1
                    raw_views[match.group(2)] += int(match.group(3))
            elif b" " not in line and line.strip():
                self.rejections.append(("page_views_line_malformed", name, position, line))
            position += len(line) + 1
        return position


def is_article_title(title: str, site: SiteInfo, namespace_names: frozenset[str]) -> bool:
    """Tell whether `title` names an article: not the main page, not ``-``, no namespace before its first colon.

    `namespace_names` is `other_namespaces` of `site`. A colon alone does not matter: ``Dune: Part Two``.
    """
    if title in ("", "-", "Main Page", site.main_page):
        return False
    prefix, colon, _ = title.partition(":")
    return not colon or prefix.strip().casefold() not in namespace_names


def other_namespaces(site: SiteInfo) -> frozenset[str]:
    """Return the names and usual short names of all namespaces that hold no articles, case-folded."""
    names = {name.casefold() for names in site.namespaces.values() for name in names}
    return frozenset(names | {"wp", "wt", "image", "image talk", "project", "project talk", ""})


def count_titles(
    views: Mapping[str, int], redirects: Mapping[str, str], site: SiteInfo, floor: int
) -> tuple[pa.Table, dict[str, int], list[str]]:
    """Return (`TITLE_COUNTS` of article titles, views dropped or moved by reason, titles without a word).

    Titles of one normal form are joined, the most viewed spelling is kept (of equals the smallest). Rows under
    `floor` views are left out. Order: views descending, then text.
    """
    names = other_namespaces(site)
    tally = {"views_not_article": 0, "views_redirected": 0, "titles_not_article": 0}
    by_title: Counter[str] = Counter()
    for title, count in views.items():
        target = _follow(title, redirects)
        if target != title:
            tally["views_redirected"] += count
        if is_article_title(target, site, names):
            by_title[target] += count
        else:
            tally["views_not_article"] += count
            tally["titles_not_article"] += 1
    joined: dict[str, list[Any]] = {}
    wordless = []
    for title, count in sorted(by_title.items(), key=lambda item: (-item[1], item[0])):
        text = normal_form(title)
        if not text:
            wordless.append(title)
        elif text in joined:
            joined[text][1] += count
        else:
            joined[text] = [title, count]
    rows = sorted(((text, *found) for text, found in joined.items()), key=lambda row: (-row[2], row[0]))
    return _title_table(row for row in rows if row[2] >= floor), tally, sorted(wordless)


def _follow(title: str, redirects: Mapping[str, str]) -> str:
    for _ in range(MAX_REDIRECTS):
        target = redirects.get(title)
        if target is None:
            break
        title = target
    return title


def _title_table(rows: Iterable[tuple[str, str, int]]) -> pa.Table:
    listed = list(rows)
    columns = [pa.array([row[k] for row in listed], TITLE_COUNTS.field(k).type) for k in range(3)]
    return pa.Table.from_arrays(columns, schema=TITLE_COUNTS)
