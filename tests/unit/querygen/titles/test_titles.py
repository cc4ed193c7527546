"""Titles: redirects, namespaces of several languages, joined spellings; against a plain implementation."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.titles.page_views import ViewCounts
from querygen.titles.titles import count_titles, is_article_title, other_namespaces
from querygen.wiki.dump import DumpFile, SiteInfo
from querygen.wiki.redirects import redirect_table
from schemas.text import normal_form
from tests.conftest import SHARED_DATA


def view_counts(views: dict[str, int]) -> ViewCounts:
    titles = pa.array([title.encode() for title in views], pa.large_binary())
    return ViewCounts(titles=titles, views=pa.array(views.values(), pa.int64()))


def counted(
    views: dict[str, int], redirects: dict[str, str] | None = None, site: SiteInfo | None = None, floor: int = 1,
    disambiguation: str = "keep",
) -> tuple[list[tuple[str, str, int]], dict[str, dict[str, int]], list[str]]:  # fmt: skip
    table, tally, rejections = count_titles(
        view_counts(views), redirect_table(redirects or {}), site or SiteInfo(), floor=floor,
        disambiguation=disambiguation,  # type: ignore[arg-type]
    )  # fmt: skip
    assert {row[:3] for row in rejections} <= {("title_without_word", "pageviews", -1)}
    return [tuple(row.values()) for row in table.to_pylist()], tally, [row[3] for row in rejections]


def naive(
    views: dict[str, int], redirects: dict[str, str], site: SiteInfo, floor: int, disambiguation: str
) -> list[tuple[str, str, int]]:
    names, by_title = other_namespaces(site), Counter[str]()
    for title, count in views.items():
        seen = {title}
        while (target := redirects.get(title)) is not None and target not in seen:
            title = target
            seen.add(title)
        if target is None and is_article_title(title, site, names):
            if disambiguation == "strip" and title.endswith(")"):
                depth, at = 0, len(title)
                while at and (depth or at == len(title)):
                    at -= 1
                    depth += {")": 1, "(": -1}.get(title[at], 0)
                if not depth and at > 1 and title[at - 1] == " ":
                    title = title[: at - 1]
            by_title[title] += count
    joined: dict[str, list[tuple[int, str]]] = {}
    for title, count in by_title.items():
        joined.setdefault(normal_form(title), []).append((-count, title))
    rows = [(text, min(found)[1], -sum(count for count, _ in found)) for text, found in joined.items() if text]
    return sorted((row for row in rows if row[2] >= max(floor, 1)), key=lambda row: (-row[2], row[0]))


def test_redirects_namespaces_and_joined_titles() -> None:
    site = SiteInfo(main_page="Hauptseite", namespaces={6: ("File", "Datei"), -1: ("Special",)})
    views = {
        "New York City": 30, "NYC": 14, "Loop": 1, "Main Page": 900, "Hauptseite": 800, "-": 99, "Special:Search": 5,
        "Datei:X.jpg": 5, "WP:ABOUT": 5, "Dune: Part Two": 8, "New york city": 40, "!!!": 3, "Talk page": 2, "Rare": 1,
        "Start": 7,
    }  # fmt: skip
    redirects = {"NYC": "New York City", "Loop": "Pool", "Pool": "Loop", "Start": "Main Page"}
    rows, tally, wordless = counted(views, redirects, site, floor=2)
    assert rows == [
        ("new york city", "New York City", 84), ("dune part two", "Dune: Part Two", 8), ("talk page", "Talk page", 2)
    ]  # fmt: skip
    assert wordless == ["!!!"]
    assert tally == {
        "viewed": {"titles": 15, "views": 1920},
        "redirected": {"titles": 2, "views": 21},
        "redirect_loop": {"titles": 1, "views": 1},
        "no_title": {"titles": 1, "views": 99},
        "main_page": {"titles": 2, "views": 1707},
        "not_article": {"titles": 3, "views": 15},
        "without_word": {"titles": 1, "views": 3},
        "below_floor": {"titles": 1, "views": 1},
        "kept": {"titles": 3, "views": 94},
    }


def test_chains_loops_sections_and_doubled_redirects() -> None:
    chain = {f"T{number}": f"T{number + 1}" for number in range(1000)}
    rows, tally, _ = counted({"T0": 1, "T500": 2, "T1000": 4}, chain)
    assert rows == [("t1000", "T1000", 7)]
    assert tally["redirected"] == {"titles": 2, "views": 3}
    assert counted({"A": 5, "B": 6, "In": 7}, {"A": "A", "B": "C", "C": "B", "In": "B"})[0] == []
    table = pa.table({"from_title": ["A", "A", None, "#x"], "to_title": ["first#There", "Second", "A", "A"]})
    found = count_titles(view_counts({"A": 5}), table, SiteInfo(), floor=1)[0].to_pylist()
    assert found == [{"text": "first", "surface": "First", "views": 5}]


def test_disambiguation() -> None:
    views = {
        "Mercury (planet)": 5,
        "Mercury (element)": 4,
        "MERCURY": 8,
        "(Live)": 3,
        "F(x)": 2,
        "A (b (c))": 6,
    }
    assert [row[1] for row in counted(views)[0]] == [
        "MERCURY", "A (b (c))", "Mercury (planet)", "Mercury (element)", "(Live)", "F(x)"
    ]  # fmt: skip
    assert counted(views, disambiguation="strip")[0] == [
        ("mercury", "Mercury", 17), ("a", "A", 6), ("live", "(Live)", 3), ("f x", "F(x)", 2)
    ]  # fmt: skip
    with pytest.raises(ValueError, match="disambiguation should be keep or strip, found 'cut'"):
        counted(views, disambiguation="cut")


def test_ties_take_the_smallest_spelling_and_text() -> None:
    assert counted({"b C": 1, "B c": 1, "B C": 1, "A": 3})[0] == [("a", "A", 3), ("b c", "B C", 3)]
    assert counted({})[0] == []
    assert counted({"A": 0})[0] == []


TITLE = st.text("ABab :-()é’'!ß", min_size=1, max_size=6).map(
    lambda text: " ".join(text.split())
).filter(bool).map(lambda text: text[:1].upper()[:1] + text[1:])  # fmt: skip
SPECIAL = st.sampled_from(["Talk:A", "Main Page", "-", "A (b)", "A (b"])


@settings(max_examples=300)
@given(
    st.dictionaries(st.one_of(TITLE, SPECIAL), st.integers(0, 9), max_size=12),
    st.dictionaries(TITLE, TITLE, max_size=8),
    st.integers(1, 12),
    st.sampled_from(["keep", "strip"]),
)  # fmt: skip
def test_equal_a_plain_implementation(
    views: dict[str, int], redirects: dict[str, str], floor: int, disambiguation: str
) -> None:
    expected = naive(views, redirects, SiteInfo(), floor, disambiguation)
    assert counted(views, redirects, floor=floor, disambiguation=disambiguation)[0] == expected
    reverse = dict(reversed(views.items()))
    assert counted(reverse, redirects, floor=floor, disambiguation=disambiguation)[0] == expected


@pytest.mark.parametrize(
    ("sample", "outside", "inside"),
    [
        pytest.param(
            "bgwiki-latest-pages-articles-shortened.xml.bz2", "Потребител:Иван", "Дюна: Част втора", id="Bulgarian"
        ),
        pytest.param("hywiki-truncated-100k.xml.xz", "Մասնակից:Արամ", "Երևան", id="Armenian"),
        pytest.param("jawiki-truncated-100k.xml.xz", "利用者:山田", "日本", id="Japanese"),
    ],
)
def test_namespaces_of_other_languages(sample: str, outside: str, inside: str) -> None:
    path = SHARED_DATA / "wikipedia" / sample
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    dump = DumpFile(str(path), Path(sample).name)
    next(iter(dump))
    rows, tally, _ = counted({outside: 5, inside: 3, dump.site.main_page: 9, "User:X": 2}, site=dump.site)
    assert [row[1:] for row in rows] == [(inside, 3)]
    assert tally["not_article"] == {"titles": 2, "views": 7}
    assert tally["main_page"] == {"titles": 1, "views": 9}


@pytest.mark.parametrize(
    ("title", "is_article"),
    [("Dog", True), ("Help:Contents", False), ("2001: A Space Odyssey", True), ("image:X", False), (":Dog", False),
     ("User talk:X", False), ("-", False), ("", False), ("Talking: a story", True)],
)  # fmt: skip
def test_is_article_title(title: str, is_article: bool) -> None:
    assert is_article_title(title, SiteInfo(), other_namespaces(SiteInfo())) is is_article
    if title:
        assert bool(counted({title: 1})[0]) is is_article
