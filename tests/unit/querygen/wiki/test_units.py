"""Units of dump files: every page in exactly one of them, wherever the file is cut and whatever is broken."""

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.wiki import page_cuts
from querygen.wiki import units as dump_units
from querygen.wiki.page import Page
from querygen.wiki.units import DumpUnit, open_pages, plan_units
from schemas.rejection import Rejection
from tests.unit.querygen.wiki.test_dump import HEADER, page

PAGES = [page(f"Title {number}", "some &amp; text " * (number * 7 % 23), number % 3) for number in range(40)]
WHOLE = (HEADER + "".join(PAGES) + "</mediawiki>\n").encode()


def in_streams(size: int) -> Callable[[bytes], bytes]:
    """Return a packer that makes a bzip2 stream of every `size` bytes."""
    return lambda data: b"".join(bz2.compress(data[start : start + size]) for start in range(0, len(data), size))


def read_units(path: str | Path, unit_bytes: int) -> tuple[list[DumpUnit], list[Page], list[Rejection]]:
    units = plan_units([str(path)], unit_bytes)
    pages: list[Page] = []
    rejections: list[Rejection] = []
    for unit in units:
        told: list[int] = []
        reader = open_pages(unit, told.append)
        pages += reader
        rejections += reader.rejections
        assert sum(told) == unit.num_bytes
    assert sum(unit.num_bytes for unit in units) == Path(path).stat().st_size
    return units, pages, rejections


@pytest.mark.parametrize("pack", [bytes, bz2.compress, in_streams(50), in_streams(17), in_streams(777)])
def test_units_of_any_size_give_every_page_once(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "d"
    path.write_bytes(pack(WHOLE))
    units, wanted, rejections = read_units(path, 1 << 30)
    assert len(units) == 1
    assert len(wanted) == len(PAGES)
    assert rejections == []
    for unit_bytes in (1, 2, 3, 7, 16, 50, 64, 97, 333, 1000, 5000):
        if path.stat().st_size / unit_bytes > 500:
            continue
        units, pages, rejections = read_units(path, unit_bytes)
        assert pages == wanted
        assert rejections == []
        assert all(unit.header.site.main_page == "Pagina primā" for unit in units)


def test_a_page_over_many_blocks_and_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump_units, "NUM_LAST_BLOCKS", 2)
    path = tmp_path / "d"
    noise = "".join(random.Random(1).choices("abcdefgh ", k=500_000))
    path.write_bytes(bz2.compress((HEADER + page("A", noise) + page("B", noise) + "</mediawiki>").encode(), 1))
    units, pages, rejections = read_units(path, 10_000)
    assert len(units) > 3
    assert [(p.title, len(p.text)) for p in pages] == [("A", 500_000), ("B", 500_000)]
    assert rejections == []


@pytest.mark.parametrize("pack", [bytes, in_streams(100)])
def test_too_long_page_is_rejected_once(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cuts, "MAX_PAGE_BYTES", 2000)
    path = tmp_path / "d"
    path.write_bytes(
        pack((HEADER + page("A", "a") + page("Long", "x" * 9000) + page("B", "b") + "</mediawiki>").encode())
    )
    for unit_bytes in (50, 100, 512, 1 << 20):
        _, pages, rejections = read_units(path, unit_bytes)
        assert [p.title for p in pages] == ["A", "B"]
        assert [row[0] for row in rejections] == ["page_malformed"]


PARTS = ["<page>", "</page>", "<pa", "ge>", "</", "page>", "x", "\n", PAGES[1], "<mediawiki>", "</mediawiki>"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=20), st.integers(20, 60), st.integers(20, 90))
def test_any_text_gives_the_same_from_any_cut(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], stream: int, unit: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    data = "".join(parts).encode()
    for pack in (bytes, in_streams(stream)):
        path = folder / "d"
        path.write_bytes(pack(data))
        _, wanted, rejections = read_units(path, 1 << 30)
        _, pages, others = read_units(path, unit)
        assert pages == wanted
        assert sorted(row[0] for row in others) == sorted(row[0] for row in rejections)


@pytest.mark.parametrize("pack", [bytes, in_streams(777)], ids=["plain", "bzip2"])
def test_bare_pages_are_whole_in_units_of_any_size(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "d"
    data = "".join(PAGES).encode()
    for whole in (data, data + b"\n\n", data[:-9]):
        path.write_bytes(pack(whole))
        for unit_bytes in (97, 333, 1000, len(data), len(data) + 1, 1 << 20):
            _, pages, rejections = read_units(path, unit_bytes)
            assert len(pages) == len(PAGES) - (whole == data[:-9])
            assert [row[0] for row in rejections] == ["file_truncated"] * (whole == data[:-9])


def test_damaged_block_costs_the_pages_in_it(tmp_path: Path) -> None:
    streams = [bz2.compress(part.encode()) for part in (HEADER, *PAGES, "</mediawiki>")]
    start = sum(map(len, streams[:11]))
    broken = bytearray(b"".join(streams))
    broken[start + 30] ^= 16
    path = tmp_path / "d"
    path.write_bytes(broken)
    for unit_bytes in (1 << 20, 100, 333):
        _, pages, rejections = read_units(path, unit_bytes)
        assert [p.title for p in pages] == [f"Title {number}" for number in range(40) if number != 10]
        ((reason, name, position, value),) = rejections
        assert (reason, name, position) == ("block_damaged", "d", start + 4)
        assert str(value).endswith("packed bytes")


def test_page_that_a_damaged_block_cuts_is_rejected(tmp_path: Path) -> None:
    data = (HEADER + page("A", "a" * 100) + page("B", "b" * 100) + page("C", "c") + "</mediawiki>").encode()
    cut, behind = data.index(b"b" * 50), data.index(b"<page><title>C") + 3
    streams = [bz2.compress(data[:cut]), bz2.compress(data[cut:behind]), bz2.compress(data[behind:] + b" " * 50)]
    streams[1] = streams[1][:20] + b"????" + streams[1][24:]
    path = tmp_path / "d"
    path.write_bytes(b"".join(streams))
    for unit_bytes in (1 << 20, len(streams[0])):
        _, pages, rejections = read_units(path, unit_bytes)
        assert [p.title for p in pages] == ["A"]
        assert sorted(row[0] for row in rejections) == ["block_damaged", "page_malformed"]


@pytest.mark.parametrize("unit_bytes", [1 << 20, 300])
def test_truncated_file_is_told_once(tmp_path: Path, unit_bytes: int) -> None:
    path = tmp_path / "d"
    packed = in_streams(500)(WHOLE)
    for data in (packed[: len(packed) * 2 // 3], WHOLE[: len(WHOLE) * 2 // 3]):
        path.write_bytes(data)
        _, pages, rejections = read_units(path, unit_bytes)
        assert 20 < len(pages) < 40
        assert [row[0] for row in rejections] == ["file_truncated"]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, pa.Codec("zstd").compress])
def test_what_cannot_be_cut_is_one_unit(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "d"
    path.write_bytes(pack(WHOLE))
    units, pages, rejections = read_units(path, 10)
    assert len(units) == 1
    assert len(pages) == 40
    assert rejections == []


@pytest.mark.parametrize("pack", [bytes, in_streams(100)])
def test_utf16_is_one_unit(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "d"
    path.write_bytes(pack(WHOLE.decode().encode("utf-16")))
    units, pages, rejections = read_units(path, 100)
    assert (len(units), len(pages), rejections) == (1, 40, [])


def test_many_files_and_the_index(tmp_path: Path) -> None:
    names = ["a-pages-articles-multistream1.xml-p1p9.bz2", "a-pages-articles-multistream-index1.txt-p1p9.bz2",
             "a-pages-articles-multistream-index.txt", "b.xml"]  # fmt: skip
    for name in names:
        (tmp_path / name).write_bytes(WHOLE)
    notes: list[str] = []
    units = plan_units([str(tmp_path / name) for name in names], 3000, notes.append)
    assert list(dict.fromkeys(unit.name for unit in units)) == [names[0], names[3]]
    assert [(unit.name, unit.is_first) for unit in units if unit.is_first] == [(names[0], True), (names[3], True)]
    assert sum(unit.is_last for unit in units) == 2
    assert len(notes) == 2
    with pytest.raises(FileNotFoundError):
        plan_units([str(tmp_path / "absent")], 3000)
    with pytest.raises(ValueError, match="unit_bytes"):
        plan_units([], 0)


def test_units_of_a_url() -> None:
    with fsspec.open("memory://dumps/d.bz2", "wb") as out:
        out.write(in_streams(500)(WHOLE))
    units = plan_units(["memory://dumps/d.bz2"], 700)
    assert len(units) > 2
    assert sum(len(list(open_pages(unit))) for unit in units) == 40


def test_parquet_is_cut_at_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"title": [f"T{row}" for row in range(100)], "text": ["words " * 9] * 100})
    pq.write_table(table, path, row_group_size=10)
    units, pages, rejections = read_units(path, 200)
    assert len(units) > 1
    assert units[0].packing == "parquet"
    assert [(p.title, p.position, p.is_plain) for p in pages] == [(f"T{row}", row, True) for row in range(100)]
    assert rejections == []
