"""Page views: lines, redirects, namespaces, broken lines."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from querygen.dump import SiteInfo
from querygen.titles import PageViews, count_titles, is_article_title, other_namespaces

LINES = (
    b"de Hund 50 0\n"
    b"en New_York_City 10 0\n"
    b"en.m New_York_City 5 0\n"
    b"en Caf%C3%A9 3 0\n"
    b"en.m cAf%c3%a9 1 0\n"
    b"en.b Dog 9 0\n"
    b"ena Dog 9 0\n"
    b"en.m NYC 7 0\n"
    b"en broken line 5 0\n"
    b"en Dog many 0\n"
    b"nospace\n"
    b"\n"
    b"en - 99 0\n"
    b"en Dune:_Part_Two 4 0"
)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_lines_of_the_language(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "pageviews-20240101-000000"
    path.write_bytes(pack(LINES))
    views = PageViews("en")
    views.add_file(str(path), path.name)
    views.add_file(str(path), path.name)
    assert views.views == {
        "New York City": 30, "Café": 6, "CAfé": 2, "NYC": 14, "-": 198, "Dune: Part Two": 8
    }  # fmt: skip
    rejected = [(row[0], row[2], row[3]) for row in views.rejections[:3]]
    assert rejected == [
        ("page_views_line_malformed", LINES.index(b"en broken"), b"en broken line 5 0"),
        ("page_views_line_malformed", LINES.index(b"en Dog many"), b"en Dog many 0"),
        ("page_views_line_malformed", LINES.index(b"nospace"), b"nospace"),
    ]
    assert len(views.rejections) == 6


def test_truncated_file_keeps_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "p.gz"
    path.write_bytes(gzip.compress(LINES)[:-20])
    views = PageViews("en")
    views.add_file(str(path), "p.gz")
    assert views.rejections[-1][0] == "file_truncated"


def test_broken_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "p.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00" + b"\xff" * 100)
    views = PageViews("en")
    views.add_file(str(path), "p.gz")
    assert [row[0] for row in views.rejections] == ["file_unreadable"]


def test_endless_line_is_rejected_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_bytes(b"en " + b"x" * 1_000_000)
    views = PageViews("en")
    views.add_file(str(path), "p")
    assert views.views == {}
    assert {row[0] for row in views.rejections} == {"page_views_line_malformed"}


def test_redirects_namespaces_and_joined_titles() -> None:
    site = SiteInfo(main_page="Hauptseite", namespaces={6: ("File", "Datei"), -1: ("Special",)})
    views = {
        "New York City": 30, "NYC": 14, "Loop": 1, "Main Page": 900, "Hauptseite": 800, "-": 99, "Special:Search": 5,
        "datei:X.jpg": 5, "WP:ABOUT": 5, "Dune: Part Two": 8, "New york city": 40, "!!!": 3, "Talk page": 2,
    }  # fmt: skip
    redirects = {"NYC": "New York City", "Loop": "Pool", "Pool": "Loop"}
    table, tally, wordless = count_titles(views, redirects, site, floor=2)
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("new york city", "New York City", 84), ("dune part two", "Dune: Part Two", 8), ("talk page", "Talk page", 2)
    ]  # fmt: skip
    assert wordless == ["!!!"]
    assert tally["views_not_article"] == 900 + 800 + 99 + 5 + 5 + 5
    assert tally["views_redirected"] == 14 + 1


@pytest.mark.parametrize(
    ("title", "is_article"),
    [("Dog", True), ("Help:Contents", False), ("2001: A Space Odyssey", True), ("image:X", False), (":Dog", False),
     ("User talk:X", False), ("-", False), ("", False), ("Talking: a story", True)],
)  # fmt: skip
def test_is_article_title(title: str, is_article: bool) -> None:
    assert is_article_title(title, SiteInfo(), other_namespaces(SiteInfo())) is is_article
