"""Page-view files: both forms of line, any packing, broken lines and files, merging; against a plain dictionary."""

import bz2
import gzip
import lzma
import pickle
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.titles.page_views import MAX_LINE_BYTES, ViewCounts, count_views_file, count_views_files, merge_views
from querygen.titles.title_table import MAX_SUM
from querygen.titles.titles import count_titles
from querygen.titles.view_title import slow_title
from querygen.wiki.page import SiteInfo
from querygen.wiki.redirects import redirect_table
from schemas import packed

LINES = (
    b"de Hund 50 0\n"
    b"en New_York_City 10 0\n"
    b"en.m New_York_City 5 0\n"
    b"en.zero New_York_City 1 0\n"
    b"en Caf%C3%A9 3 0\r\n"
    b"en.m cAf%c3%a9 1 0\n"
    b"en.b Dog 9 0\n"
    b"ena Dog 9 0\n"
    b"en.m NYC 7 0\n"
    b"en broken line 5 0\n"
    b"en Dog many 0\n"
    b"nospace\n"
    b"\n"
    b"en %FF 8 0\n"
    b"en - 99 0\n"
    b"de.wikipedia Hund 1 desktop 5 A5\n"
    b"en.wikipedia NYC 645042 desktop 5 A1B4\n"
    b"en.wikipedia NYC null mobile-web 20 C20\n"
    b"en.wikipedia NYC  mobile-app 300 X300\n"
    b"en.wikipedia NYC desktop 4000 [4000\n"
    b"en.wikipedia NYC 645042 desktop A1B4\n"
    b"en.wikipedia NYC 645042 Desktop 5 A5\n"
    b"en.wikibooks NYC 1 desktop 5 A5\n"
    b"en Dune:_Part_Two 4 0"
)
VIEWS = {"New York City": 16, "Café": 3, "CAfé": 1, "NYC": 4332, "-": 99, "Dune: Part Two": 4}
MALFORMED = [
    b"en broken",
    b"en Dog many",
    b"nospace",
    b"en.wikipedia NYC 645042 desktop A",
    b"en.wikipedia NYC 645042 D",
]

_QUOTED = rb'"(?:[^"\\]|\\["\\])*"'
_TITLE = b"(" + _QUOTED + rb"(?= )|\S*)"
_HOURLY = re.compile(rb"en(?:\.m|\.zero)? " + _TITLE + rb" (\d{1,15}) \d{1,18}\s*")
_COMPLETE = re.compile(
    rb"en\.wikipedia " + _TITLE + rb" (?:(?:\d{1,18}|null|) )?[a-z][a-z-]* (\d{1,15}) [0-9A-_a-z,]+\s*"
)
_OURS = (b"en ", b"en.m ", b"en.zero ", b"en.wikipedia ")


def count(path: Path, data: bytes, language: str = "en") -> ViewCounts:
    path.write_bytes(data)
    return count_views_file(str(path), path.name, language)


def plain_title(field: bytes) -> bytes | None:
    """Return the title of a field: unquoted where Spark would have quoted it."""
    inside = field[1:-1]
    if re.fullmatch(_QUOTED, field) and (b'"' in inside or inside.split() != [inside]):
        field = re.sub(rb"\\(.)", rb"\1", inside)
    return slow_title(field)


def naive(text: bytes) -> tuple[dict[bytes, int], list[tuple[int, bytes]], int]:
    """Return (views by title, malformed lines by position, views of no title)."""
    views: Counter[bytes] = Counter()
    malformed, refused, position = [], 0, 0
    for line in text.split(b"\n"):
        match = None
        if line.startswith(_OURS):
            match = (_COMPLETE if line.startswith(_OURS[3]) else _HOURLY).fullmatch(line)
            if match is None or len(line) > MAX_LINE_BYTES:
                malformed.append((position, line[:1000]))
            elif (title := plain_title(match.group(1))) is None:
                refused += int(match.group(2))
            else:
                views[title] += int(match.group(2))
        elif len(line) > MAX_LINE_BYTES or (b" " not in line and line.strip()):
            malformed.append((position, line[:1000]))
        position += len(line) + 1
    return views, malformed, refused


def check(text: bytes, found: ViewCounts) -> None:
    views, malformed, refused = naive(text)
    assert dict(zip(found.titles.to_pylist(), found.views.to_pylist(), strict=True)) == views
    assert [(row[2], row[3]) for row in found.rejections] == malformed
    assert found.tally["views_no_title"] == refused
    assert found.tally["views"] == refused + sum(views.values())
    assert found.tally["lines_malformed"] == len(malformed)
    assert found.tally["bytes"] == len(text)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_lines_of_the_language(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    found = count(tmp_path / "pageviews-20240101-000000", pack(LINES))
    assert found.to_dict() == VIEWS
    assert [row[2] for row in found.rejections] == [LINES.rindex(b"\n", 0, LINES.index(line)) + 1 for line in MALFORMED]
    assert {row[:2] for row in found.rejections} == {("page_views_line_malformed", "pageviews-20240101-000000")}
    check(LINES, found)


def test_zstandard(tmp_path: Path) -> None:
    path = tmp_path / "views.zst"
    with pa.OSFile(str(path), "wb") as raw, pa.CompressedOutputStream(raw, "zstd") as stream:
        stream.write(LINES)
    assert count_views_file(str(path), "views", "en").to_dict() == VIEWS


def test_other_languages(tmp_path: Path) -> None:
    assert count(tmp_path / "p", LINES, "de").to_dict() == {"Hund": 55}
    assert count(tmp_path / "p", LINES, "e").to_dict() == {}
    assert count(tmp_path / "p", b"zh-min-nan.m A 1 0\nzh B 1 0\n", "zh-min-nan").to_dict() == {"A": 1}


@pytest.mark.parametrize("size", [*range(1, 40), len(LINES) - 1, len(LINES)])
def test_pieces_end_at_any_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(packed, "READ_BYTES", size)
    check(LINES, count(tmp_path / "p", LINES))


WORD = st.sampled_from(
    [b"en", b"en.m", b"en.zero", b"en.wikipedia", b"de", b"", b"A", b"a_b", b"%41", b"%FF", b"%C3%A9", b"\xff",
     b"Dog#x", b"1", b"07", b'"', b'""', b'"a"', rb'"\"a\""', rb'"\\"', rb'"a\"', b'"a', b'b"', rb'"\a"', b"9" * 15,
     b"9" * 16, b"null", b"desktop", b"mobile-web", b"A1B2", b"\r", b"x" * 300]
)  # fmt: skip
GOOD = st.tuples(st.sampled_from(_OURS[:3]), st.sampled_from([b"A", b"a", b"%41", b"B_c", b"%C3%89", b"e\xcc\x81"]))
LINE = st.one_of(
    st.lists(WORD, max_size=7).map(b" ".join),
    GOOD.map(lambda parts: b"".join(parts) + b" 3 0"),
    st.binary(max_size=20),
)


@settings(max_examples=200)
@given(st.lists(LINE, max_size=12).map(b"\n".join), st.integers(1, 64))
def test_any_bytes_equal_a_dictionary(tmp_path_factory: pytest.TempPathFactory, text: bytes, size: int) -> None:
    path = tmp_path_factory.getbasetemp() / "views"
    saved, packed.READ_BYTES = packed.READ_BYTES, size
    try:
        # a first line that is no packing's mark
        check(b"x y\n" + text, count(path, b"x y\n" + text))
    finally:
        packed.READ_BYTES = saved


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


def test_both_kinds_of_file_reach_the_same_page(tmp_path: Path) -> None:
    old = rb'en "Heroes"_(album) 3 0' + b"\n" + rb"en AC\DC 3 0" + b"\n" + rb'en.m C:\"x" 3 0' + b"\n"
    new = rb'en "\"Heroes\"_(album)" 4 0' + b"\n" + rb"en AC\DC 4 0" + b"\n" + rb'en.m "C:\\\"x\"" 4 0' + b"\n"
    paths = [tmp_path / "old", tmp_path / "new"]
    for path, lines in zip(paths, (old, new), strict=True):
        path.write_bytes(lines)
    found = count_views_files([str(path) for path in paths], ["old", "new"], "en")
    assert found.to_dict() == {'"Heroes" (album)': 7, "AC\\DC": 7, 'C:\\"x"': 7}


def test_views_of_quoted_titles_and_their_redirects_reach_the_article(tmp_path: Path) -> None:
    lines = (
        rb'en "\"Heroes\"_(David_Bowie_album)" 4 0', rb'en.m "Heroes"_(David_Bowie_album) 5 0',
        rb'en "\"Heroes\"_album" 3 0', rb"en AC\DC 2 0",
    )  # fmt: skip
    views = count(tmp_path / "p", b"\n".join(lines))
    redirects = redirect_table({'"Heroes" album': '"Heroes" (David Bowie album)'})
    titles, _, _ = count_titles(views, redirects, SiteInfo(), floor=1)
    assert dict(zip(titles["text"].to_pylist(), titles["views"].to_pylist(), strict=True)) == {
        "heroes david bowie album": 12, "ac dc": 2,
    }  # fmt: skip
    assert titles["surface"].to_pylist()[0] == '"Heroes" (David Bowie album)'


def test_lines_of_no_project_are_other_lines_and_those_of_no_title_counted(tmp_path: Path) -> None:
    found = count(tmp_path / "p", b' Dog 5 0\n"" Dog 5 0\n"" "" 5 0\n "\\"x\\"" 5 0\nen Cat 1 0\nen  2 0\nen "" 3 0\n')
    assert found.to_dict() == {"Cat": 1}
    assert found.tally["views_no_title"] == 5
    assert found.rejections == []


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


def test_truncated_file_keeps_whole_lines(tmp_path: Path) -> None:
    text = b"".join(b"en Title_%d 1234567 0\n" % number for number in range(1000))
    found = count(tmp_path / "p.gz", gzip.compress(text, mtime=0)[:-200])
    assert 0 < len(found.titles) < 1000
    assert set(found.views.to_pylist()) == {1234567}
    [(reason, name, position, _)] = found.rejections
    assert (reason, name) == ("file_truncated", "p.gz")
    assert naive(text[:position])[0] == {t: v for t, v in zip(found.titles.to_pylist(), found.views.to_pylist())}  # noqa: B905, C416


def test_broken_absent_and_empty_files(tmp_path: Path) -> None:
    broken = count(tmp_path / "p.gz", b"\x1f\x8b\x08\x00" + b"\xff" * 100)
    assert [row[0] for row in broken.rejections] == ["file_unreadable"]
    absent = count_views_file(str(tmp_path / "absent"), "absent", "en")
    assert [row[0] for row in absent.rejections] == ["file_unreadable"]
    assert count(tmp_path / "empty", b"").to_dict() == {}
    assert count(tmp_path / "empty.gz", gzip.compress(b"", mtime=0)).rejections == []


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"en ", id="our project"),
        pytest.param(b"de ", id="other project"),
        pytest.param(b"", id="no project"),
        pytest.param(b"en A 1 0 ", id="whole line"),
    ],
)
def test_endless_line_is_one_rejection(tmp_path: Path, start: bytes) -> None:
    text = b"en A 1 0\n" + start + b"x" * 3_000_000 + b"\nen A 2 0\n"
    found = count(tmp_path / "p", text)
    assert found.to_dict() == {"A": 3}
    check(text, found)


def test_longest_line_is_read(tmp_path: Path) -> None:
    for size in (MAX_LINE_BYTES, MAX_LINE_BYTES + 1):
        text = b"en A#" + b"x" * (size - 9) + b" 1 0\nen B 2 0\n"
        found = count(tmp_path / "p", text)
        assert found.to_dict() == ({"A": 1, "B": 2} if size == MAX_LINE_BYTES else {"B": 2})
        check(text, found)


def test_huge_counts_do_not_wrap(tmp_path: Path) -> None:
    found = count(tmp_path / "p", b"en A 999999999999999 0\n" * 10_000)
    assert found.views.to_pylist() == [MAX_SUM]


def test_merging_equals_counting_together(tmp_path: Path) -> None:
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}"
        path.write_bytes(b"en %d 1 0\nen A 2 0\nen%d\nen caf\xc3\xa9 1 0\nen \xc3\xa9t 1 0\n" % (number, number))
        paths.append(str(path))
    names = [Path(path).name for path in paths]
    together = count_views_files(paths, names, "en")
    each = [count_views_file(path, name, "en") for path, name in zip(paths, names, strict=True)]
    each = [pickle.loads(pickle.dumps(part)) for part in each]  # noqa: S301
    for merged in (
        merge_views(iter(each)),
        merge_views([merge_views(each[:1]), merge_views(each[1:])]),
        merge_views([merge_views(each[:3]), ViewCounts(), each[3]]),
    ):
        assert merged.to_dict() == together.to_dict()
        assert merged.tally == together.tally
        assert merged.rejections == together.rejections
