"""Titles by page views: views of a wiki's pages in, the table of titles and what was dropped out.

Views of a redirect count for the page it leads to; what is no article goes; titles of one normal form are joined.
Counted are all titles outside the other namespaces, whether the dump has the article or not. Views are worked on as
Arrow buffers, never as objects. A floor above 1 keeps what cannot reach it out of memory; without one, each title of 22
bytes takes some 250 bytes more.
"""

from collections import Counter
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from querygen.titles.page_views import ViewCounts
from querygen.titles.redirect_views import Redirects
from querygen.titles.title_join import Notes, Rows, join, note, total
from querygen.titles.title_table import TitleTable, title_buffers
from querygen.wiki.dump import SiteInfo
from querygen.wiki.redirects import redirect_table
from schemas.arrow_types import values_of
from schemas.kernels.ascii import CLOSE_PAREN, COLON, OPEN_PAREN, SPACE
from schemas.kernels.bytes_map import BytesMap
from schemas.kernels.compiled import kernel
from schemas.rejection import Rejection

ENGLISH_MAIN_PAGE = "Main Page"

_CHUNK_ROWS = 1 << 16


def is_article_title(title: str, site: SiteInfo, namespace_names: frozenset[str]) -> bool:
    """Tell whether `title` names an article: not the main page, not ``-``, no namespace before its first colon.

    `namespace_names` is `other_namespaces` of `site`. A colon alone does not matter: ``Dune: Part Two``.
    """
    if title in ("", "-", ENGLISH_MAIN_PAGE, site.main_page):
        return False
    prefix, colon, _ = title.partition(":")
    return not colon or prefix.strip().casefold() not in namespace_names


def other_namespaces(site: SiteInfo) -> frozenset[str]:
    """Return the names and usual short names of all namespaces that hold no articles, case-folded."""
    names = {name.casefold() for names in site.namespaces.values() for name in names}
    return frozenset(names | {"wp", "wt", "image", "image talk", "project", "project talk", ""})


def count_titles(
    views: ViewCounts,
    redirects: pa.Table | dict[str, str],
    site: SiteInfo,
    *,
    floor: int,
    disambiguation: Literal["keep", "strip"] = "keep",
) -> tuple[pa.Table, dict[str, dict[str, int]], list[Rejection]]:
    """Return (`TITLE_COUNTS` of article titles, titles and views by what became of them, titles without a word).

    `redirects` has columns from_title and to_title. Titles of one normal form are joined; the most viewed spelling is
    kept (of equals the smallest). With ``strip`` a last "(...)" is cut off before: ``Mercury (planet)`` counts for
    ``Mercury``. Joined titles under `floor` views are left out; so many are ``below_floor``, and titles without a
    word are listed from `floor` views on. Order: views descending, then text; that of `views` does not matter.
    """
    if disambiguation not in ("keep", "strip"):
        raise ValueError(f"disambiguation should be keep or strip, found {disambiguation!r}")
    tally: Notes = Counter()
    parts = _move_redirects(views, redirects, tally)
    rows = [(part, _choose_articles(part, site, tally)) for part in parts]
    ends = [_ends(part, disambiguation) for part in parts]
    if disambiguation == "strip":
        stripped = TitleTable()
        for (part, chosen), end in zip(rows, ends, strict=True):
            for first in range(0, len(chosen), _CHUNK_ROWS):
                some = chosen[first : first + _CHUNK_ROWS]
                stripped.add_rows(part.data, part.offsets[some], end[some], part.views[some])
        part = Rows(*title_buffers(stripped.to_arrow()[0]), stripped.sums)
        rows = [(part, np.arange(len(stripped)))]
        parts = [part]
    table, rejections = join(rows, floor, tally)
    reasons = dict.fromkeys(reason for reason, _ in tally)
    return (
        table,
        {reason: {kind: tally[reason, kind] for kind in ("titles", "views")} for reason in reasons},
        rejections,
    )


def _move_redirects(views: ViewCounts, redirects: pa.Table | dict[str, str], tally: Notes) -> list[Rows]:
    """Return the rows that no redirect touches and the targets of redirects; a title is in one of them."""
    data, offsets = title_buffers(views.titles)
    counts = views.views.to_numpy(zero_copy_only=False)
    note(tally, "viewed", len(counts), total(counts))
    found = Redirects(redirect_table(redirects) if isinstance(redirects, dict) else redirects)
    alone, targets, target_views, moved = found.move(data, offsets, counts)
    for reason, (titles, num_views) in moved.items():
        note(tally, reason, titles, num_views)
    # no copy of the titles left: rows of no views stay behind as the mask says
    rest = Rows(data, offsets, np.where(alone, counts, -1))
    return [rest, Rows(*title_buffers(targets), target_views.to_numpy())]


@kernel
def _first_colons(data, offsets, views, colons):
    """Fill `colons` with the place of each title's first colon, -1 without one, -2 for a row left out."""
    for row in range(len(views)):
        colons[row] = -1
        if views[row] < 0:
            colons[row] = -2
            continue
        for i in range(offsets[row], offsets[row + 1]):
            if data[i] == COLON:
                colons[row] = i
                break


def _choose_articles(part: Rows, site: SiteInfo, tally: Notes) -> npt.NDArray[np.int64]:
    """Return the rows of articles. Each distinct prefix before a colon is looked at once."""
    colons = np.empty(len(part.views), dtype=np.int64)
    _first_colons(part.data, part.offsets, part.views, colons)
    keep = colons > -2
    single = {b"-": "no_title", ENGLISH_MAIN_PAGE.encode(): "main_page", site.main_page.encode(): "main_page"}
    for title, reason in single.items():
        for row in _rows_equal(part, title):
            if keep[row]:
                keep[row] = False
                note(tally, reason, 1, int(part.views[row]))
    with_colon = np.flatnonzero(keep & (colons >= 0))
    prefixes = BytesMap()
    prefix_of = prefixes.enter_many(part.data, part.offsets[with_colon], colons[with_colon])
    names = other_namespaces(site)
    elsewhere = np.array(
        [raw.decode("utf-8", "replace").strip().casefold() in names for raw in values_of(prefixes.to_arrow())],
        dtype=np.bool_,
    )
    dropped = with_colon[elsewhere[prefix_of]] if len(with_colon) else with_colon
    keep[dropped] = False
    note(tally, "not_article", len(dropped), total(part.views[dropped]))
    return np.flatnonzero(keep)


def _rows_equal(part: Rows, title: bytes) -> npt.NDArray[np.int64]:
    """Return the rows of this very title."""
    rows = np.flatnonzero(np.diff(part.offsets) == len(title))
    for k, byte in enumerate(title):
        rows = rows[part.data[part.offsets[rows] + k] == byte]
    return rows


def _ends(part: Rows, disambiguation: str) -> npt.NDArray[np.int64]:
    """Return where each title ends, its last "(...)" left out by ``strip``."""
    if disambiguation == "keep":
        return part.offsets[1:]
    ends = np.empty(len(part.views), dtype=np.int64)
    _strip(part.data, part.offsets, ends)
    return ends


@kernel
def _strip(data, offsets, ends):
    for row in range(len(ends)):
        begin = offsets[row]
        end = offsets[row + 1]
        ends[row] = end
        if end == begin or data[end - 1] != CLOSE_PAREN:
            continue
        depth = 0
        i = end - 1
        while i >= begin:
            depth += 1 if data[i] == CLOSE_PAREN else -1 if data[i] == OPEN_PAREN else 0
            if depth == 0:
                break
            i -= 1
        # something must be left, and a space between: "(What's the Story)", "f(x)" stay
        if i > begin + 1 and data[i - 1] == SPACE:
            ends[row] = i - 1
