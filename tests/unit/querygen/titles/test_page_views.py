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
