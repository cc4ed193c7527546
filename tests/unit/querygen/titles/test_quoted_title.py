"""Titles as Spark writes them since 2023, and as they stood before."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen.titles.page_views import ViewCounts, count_views_file
from querygen.titles.view_title import slow_title


def count(path: Path, data: bytes, language: str = "en") -> ViewCounts:
    path.write_bytes(data)
    return count_views_file(str(path), path.name, language)


def spark_field(text: str) -> bytes:
    """Return a field as Spark 3.5.9 puts it between spaces in CSV: found by having it write thousands of odd texts."""
    led = text.lstrip("".join(map(chr, range(33))))
    quoted = any(character in led for character in '" \n\r')
    body = led.rstrip("".join(map(chr, range(33)))).encode()
    if not body:
        return b'""'
    return b'"' + body.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"' if quoted else body


WRITTEN_BY_SPARK = [
    (rb'"\"Heroes\"_(David_Bowie_album)"', '"Heroes"_(David_Bowie_album)'),
    (rb'"\"Weird_Al\"_Yankovic"', '"Weird_Al"_Yankovic'),
    (rb'"\"\\"', '"\\'),
    (rb'"\\\""', '\\"'),
    (rb'"\\\\\"a"', '\\\\"a'),
    (rb'"\""', '"'),
    (rb'"\"\""', '""'),
    (rb'"a\"a"', 'a"a'),
    (rb"a\a", "a\\a"),
    (rb"a\\", "a\\\\"),
    (rb"#a", "#a"),
    (rb"it's", "it's"),
    (rb'"a b"', "a b"),
    (b'""', ""),
]


"""Fields that Spark 3.5.9 wrote, and the titles they stand for."""


@pytest.mark.parametrize(("field", "title"), WRITTEN_BY_SPARK, ids=[title for _, title in WRITTEN_BY_SPARK])
def test_fields_that_spark_wrote_are_read_back(tmp_path: Path, field: bytes, title: str) -> None:
    assert spark_field(title) == field
    wanted = slow_title(title.encode())
    for line in (
        b"en %s 7 0\n",
        b"en.m %s 7 0\n",
        b"en.wikipedia %s 645042 mobile-web 7 A5B2\n",
        b"en.wikipedia %s null desktop 7 [5\\1]1\n",
    ):
        found = count(tmp_path / "p", b"en Other 1 0\n" + line % field)
        assert found.to_dict() == {"Other": 1} | ({wanted.decode(): 7} if wanted else {})
        assert found.tally["views_no_title"] == (0 if wanted else 7)
        assert found.rejections == []


@pytest.mark.parametrize(
    "title",
    ['"Heroes"_(David_Bowie_album)', '"Heroes"', '"', '"""', '"Weird_Al"_Yankovic', 'the_"best"', 'a"', '"a', 'AC\\DC',
     '"AC\\DC"', '"a"b"', '7"_single', '"\\', '\\"', '"\\\\"', '"_"'],
)  # fmt: skip
def test_titles_of_before_2023_stand_as_they_are(tmp_path: Path, title: str) -> None:
    for line in (b"en %s 7 0\n", b"en.wikipedia %s 12 desktop 7 A7\n"):
        found = count(tmp_path / "p", line % title.encode())
        assert found.to_dict() == {str((slow_title(title.encode()) or b"").decode()): 7}


LETTERS = st.sampled_from('aB"\\_ ,#%é\u200e') | st.characters(exclude_categories=["Cs", "Cc"])


WIKIS = st.sampled_from(["en", "en.m", "en.wikipedia", "de"])


ROWS = st.lists(st.tuples(st.text(LETTERS, max_size=12).map(str.strip), st.integers(1, 999), WIKIS), max_size=12)


@given(ROWS)
def test_any_title_that_spark_writes_is_counted_for_its_page(tmp_path: Path, rows: list[tuple[str, int, str]]) -> None:
    wanted: Counter[str] = Counter()
    lines = []
    refused = 0
    for title, views, wiki in rows:
        behind = b" null desktop %d A%d" % (views, views) if wiki == "en.wikipedia" else b" %d 0" % views
        lines.append(wiki.encode() + b" " + spark_field(title) + behind + b"\n")
        name = slow_title(title.encode())
        if wiki == "de":
            continue
        if name is None:
            refused += views
        else:
            wanted[name.decode()] += views
    found = count(tmp_path / "p", b"x y\n" + b"".join(lines))
    assert found.to_dict() == wanted
    assert (found.rejections, found.tally["views_no_title"]) == ([], refused)


@given(st.text(st.sampled_from('aB"_,%é'), min_size=1, max_size=8).filter(lambda title: title != '""'))
def test_any_title_without_a_backslash_stood_as_it_is_before_2023(tmp_path: Path, title: str) -> None:
    found = count(tmp_path / "p", b"en %s 7 0\n" % title.encode())
    name = slow_title(title.encode())
    assert found.to_dict() == ({name.decode(): 7} if name else {})
