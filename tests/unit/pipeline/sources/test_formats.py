"""An input is listed once: how many requests that takes, what its files are, and what happens when they change."""

import bz2
import gzip
import json
import lzma
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.sources.config import SourceOptions
from pipeline.sources.formats import open_source
from pipeline.sources.input import Input, listed_inputs
from pipeline.sources.source import Broken, FileChanged, InputSplit
from tests.support.byte_server import serving
from tests.support.crawl_files import page_record, wat_record
from tests.support.s3_server import serve_s3
from tests.support.small_shards import picture, write_tar
from tests.support.sources import opened, read

TABLE = b"url,caption\nhttp://a.example/1.jpg,a red thing\n"
WAT = wat_record("http://a.example/", [{"path": "IMG@/src", "url": "/1.jpg", "alt": "a red thing"}])
WATS = {f"wat/{number}/{number}.warc.wat": WAT + b"\r\n" * number for number in range(4)}
FILES = WATS | {
    "wat/_SUCCESS": b"",
    "wat.paths.gz": gzip.compress("\n".join(WATS).encode(), mtime=0),
    "tables/0.csv": TABLE,
    "tables/1.csv": TABLE,
    "images/a.jpg": b"an image",
    "images/a.txt": b"a red thing",
    "index/": "".join(f'<a href="{number}.warc.wat">' for number in range(4)).encode(),
    **{f"index/{number}.warc.wat": WAT for number in range(3)},
}


@pytest.fixture(scope="module")
def s3() -> Iterator[list[str]]:
    with serve_s3({name: body for name, body in FILES.items() if not name.startswith("index")}) as requests:
        yield requests


def listed(pattern: str, input_format: str, **options: Any) -> Input:
    for protocol in ("s3", "http"):
        fsspec.filesystem(protocol).invalidate_cache()  # as a new process begins
    return open_source(SourceOptions(input=pattern, input_format=input_format, **options))  # type: ignore[arg-type]


def sizes(found: Input) -> dict[str, int | None]:
    return {file.name: file.num_bytes for file in found.files}


WAT_SIZES = {name.removeprefix("wat/"): len(body) for name, body in WATS.items()}


def test_the_listing_of_a_bucket_tells_the_sizes(s3: list[str]) -> None:
    s3.clear()
    found = listed("s3://crawl/wat/*/*.wat", "wat")
    names = listed_inputs(found, found.source.splits())
    assert sizes(found) == WAT_SIZES
    assert {item["name"]: item["bytes"] for item in names} == WAT_SIZES
    assert not any(name.removeprefix("wat") in request for request in s3 for name in WATS), s3


def test_a_folder_of_a_bucket_is_listed_once(s3: list[str]) -> None:
    s3.clear()
    found = listed("s3://crawl/wat", "wat")
    assert sizes(found) == WAT_SIZES
    assert found.num_passed_over == 1
    assert not any(name in request for request in s3 for name in WATS), s3


def test_a_folder_of_images_on_a_bucket_is_listed_once(s3: list[str]) -> None:
    s3.clear()
    found = listed("s3://crawl/images", "folder")
    assert sizes(found) == {"a.jpg": 8, "a.txt": 11}
    assert found.source.splits()[0].member_bytes == (8, 11)
    assert len(s3) == 1, s3


def test_a_file_of_a_bucket_is_asked_for_once(s3: list[str]) -> None:
    s3.clear()
    found = listed("s3://crawl/wat/0/0.warc.wat", "wat")
    listed_inputs(found, found.source.splits())
    assert s3 == ["HEAD /crawl/wat/0/0.warc.wat"]


def test_the_files_of_a_published_listing_are_not_asked_for(s3: list[str]) -> None:
    s3.clear()
    found = listed("s3://crawl/wat.paths.gz", "wat", paths_prefix="s3://crawl")
    names = listed_inputs(found, found.source.splits())
    assert names == [{"name": name.removeprefix("wat/")} for name in WATS]
    assert not any(name in request for request in s3 for name in WATS), s3


def test_the_size_of_a_table_on_a_bucket_comes_with_its_listing(s3: list[str]) -> None:
    s3.clear()
    found = listed("s3://crawl/tables/*.csv", "url_table")
    assert len(found.source.splits()) == 2
    listed_inputs(found, found.source.splits())
    assert not {"HEAD /crawl/tables/0.csv", "HEAD /crawl/tables/1.csv"} & set(s3), s3


def test_a_web_server_is_asked_once_for_each_size() -> None:
    with serving(FILES) as server:
        found = listed(f"{server.address}/range/wat/0/0.warc.wat,{server.address}/range/wat/1/1.warc.wat", "wat")
        listed_inputs(found, found.source.splits())
        assert sizes(found) == {"0/0.warc.wat": len(WAT), "1/1.warc.wat": len(WAT) + 2}
        assert Counter(server.requests) == {f"HEAD /range/wat/{number}/{number}.warc.wat": 1 for number in range(2)}


def test_a_glob_on_a_web_server_asks_for_each_size_once_and_leaves_out_dead_links() -> None:
    with serving(FILES) as server:
        found = listed(f"{server.address}/range/index/*.wat", "wat")
        listed_inputs(found, found.source.splits())
        assert sizes(found) == {f"{number}.warc.wat": len(WAT) for number in range(3)}
        asked = Counter(request for request in server.requests if request.endswith(tuple(sizes(found))))
    assert asked == {f"HEAD /range/index/{number}.warc.wat": 1 for number in range(3)}


def test_the_files_of_a_listing_on_a_web_server_are_not_asked_for() -> None:
    with serving(FILES) as server:
        prefix = f"{server.address}/range"
        found = listed(f"{prefix}/wat.paths.gz", "wat", paths_prefix=prefix)
        listed_inputs(found, found.source.splits())
        assert not any("/wat/" in request for request in server.requests)


def write(folder: Path, kind: str, num_more: int = 0) -> str:
    """Write an input of one record and `num_more` bytes more; return its path."""
    path = folder / f"a.{kind}"
    if kind == "folder":
        path.mkdir(exist_ok=True)
        (path / "a.jpg").write_bytes(picture(0, 8))
        (path / "a.txt").write_bytes(b"a red thing" + b"." * num_more)
    elif kind == "tar":
        write_tar(path, [("a.jpg", picture(0, 8)), ("a.txt", b"a red thing")])
        path.write_bytes(path.read_bytes() + bytes(512) * num_more)
    else:
        page = page_record("http://b.example/", "<img src=a.jpg alt='a red thing'>")
        bodies = {
            "csv": TABLE,
            "jsonl": b'{"url": "http://a.example/1.jpg", "caption": "a"}\n',
            "wat": WAT,
            "warc": page,
        }
        path.write_bytes(bodies[kind] + b"\n" * num_more)
    return str(path)


@pytest.mark.parametrize(
    ("kind", "input_format"),
    [("csv", "url_table"), ("jsonl", "url_table"), ("folder", "folder"), ("tar", "webdataset"), ("wat", "wat"),
     ("warc", "warc")],
)  # fmt: skip
def test_a_file_that_grew_since_it_was_listed_is_told(tmp_path: Path, kind: str, input_format: str) -> None:
    source = listed(write(tmp_path, kind), input_format).source
    (split,) = source.splits()
    assert list(source.read(split))
    write(tmp_path, kind, num_more=1)
    with pytest.raises(FileChanged, match=rf"{tmp_path}/a.{kind}.*: found \d+ bytes, not the \d+ it had"):
        list(source.read(split))


def test_a_web_file_that_grew_since_it_was_listed_is_told() -> None:
    with serving(dict(FILES)) as server:
        source = listed(f"{server.address}/range/wat/0/0.warc.wat", "wat").source
        server.files["wat/0/0.warc.wat"] += b"\r\n"
        with pytest.raises(FileChanged, match=f"{server.address}/range/wat/0/0.warc.wat: found {len(WAT) + 2} bytes"):
            list(source.read(source.splits()[0]))


def pairs(rows: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [(row["source_row"], row["url"], row["caption"]) for row in rows]


EXPECTED = [(0, "http://a/0", "zero"), (1, "http://a/1", "one, two"), (2, "http://a/2", None)]


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.tsv", "t.jsonl", "t.csv.gz", "t.jsonl.gz"])
def test_every_table_format_gives_the_same_pairs(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    rows = [
        {"url": "http://a/0", "TEXT": "zero"},
        {"url": "http://a/1", "TEXT": "one, two"},
        {"url": "http://a/2", "TEXT": None},
    ]
    if name == "t.parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    else:
        if ".jsonl" in name:
            text = "".join(json.dumps(row) + "\n" for row in rows)
        elif ".csv" in name:
            text = 'url,TEXT\nhttp://a/0,zero\nhttp://a/1,"one, two"\nhttp://a/2,\n'
        else:
            text = "url\tTEXT\nhttp://a/0\tzero\nhttp://a/1\tone, two\nhttp://a/2\t\n"
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
    source, root = opened(str(path), "url_table")
    found, broken = read(source)
    assert pairs(found) == EXPECTED
    assert broken == []
    assert root == str(tmp_path)


def test_malformed_rows_are_broken_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("url,caption\nhttp://a/0,zero\nhttp://a/1,one,two,three\nhttp://a/2,two\n")
    rows, broken = read(opened(str(tmp_path / "t.csv"), "url_table")[0])
    assert [row["caption"] for row in rows] == ["zero", "two"]
    assert [(row["source_row"]) for row in rows] == [0, 2]
    assert [(item.reason, item.position, item.value) for item in broken] == [
        ("row_malformed", 1, "http://a/1,one,two,three")
    ]
    (tmp_path / "t.jsonl").write_text(
        '{"url": "http://a/0", "caption": "zero"}\n{"url": \n[1]\n{"url": "u", "caption": "x"}\n'
    )
    rows, broken = read(opened(str(tmp_path / "t.jsonl"), "url_table")[0])
    assert [(row["source_row"], row["caption"]) for row in rows] == [(0, "zero"), (3, "x")]
    assert [(item.reason, item.position) for item in broken] == [("row_malformed", 1), ("row_malformed", 2)]


def test_an_endless_json_line_is_broken_and_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.tables.json_lines.MAX_LINE_BYTES", 100)
    lines = ['{"url": "http://a/0", "caption": "zero"}', '{"url": "' + "x" * 1000, '{"url": "u", "caption": "x"}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    rows, broken = read(opened(str(tmp_path / "t.jsonl"), "url_table")[0])
    assert [(row["source_row"], row["caption"]) for row in rows] == [(0, "zero"), (2, "x")]
    assert [(item.reason, item.position) for item in broken] == [("row_malformed", 1)]


def test_an_unknown_table_kind_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"a url_table is named \.parquet, \.csv"):
        opened(str(tmp_path / "a.xlsx"), "url_table")[0].splits()


def test_a_lone_surrogate_is_a_rejection(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"url": "http://a/0", "caption": "dog \\ud83d"}\n{"url": "u", "caption": "x"}\n')
    rows, broken = read(opened(str(tmp_path / "t.jsonl"), "url_table")[0])
    assert [(row["source_row"], row["caption"]) for row in rows] == [(1, "x")]
    assert [(item.reason, item.position) for item in broken] == [("caption_not_utf8", 0)]


def test_neighbours_of_a_bad_line_keep_their_values(tmp_path: Path) -> None:
    lines = ["not json", '{"url": "http://a/1"}', "", '{"url": "http://a/2", "caption": 7, "similarity": 0.5}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    source, _ = opened(str(tmp_path / "t.jsonl"), "url_table", extra_columns=("similarity",))
    rows, broken = read(source)
    assert [(row["source_row"], row["caption"], row["extra"]["similarity"]) for row in rows] == [
        (1, None, None),
        (2, "7", 0.5),
    ]
    assert [(item.reason, item.position) for item in broken] == [("row_malformed", 0)]


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl.xz", "t.csv.bz2"])
def test_a_damaged_compressed_table_is_broken(tmp_path: Path, name: str) -> None:
    lines = "".join(f"http://a/{number},caption {number * 7919 % 1000}\n" for number in range(40_000))
    pack = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}[name.rsplit(".", 1)[1]]
    whole = bytearray(pack(("url,caption\n" + lines).encode()))
    for position in range(len(whole) // 2, len(whole) // 2 + 64):
        whole[position] ^= 0x55
    (tmp_path / name).write_bytes(whole)
    _, broken = read(opened(str(tmp_path / name), "url_table", url_column="url")[0]) if "csv" in name else (
        None, read_broken_json(tmp_path / name),
    )  # fmt: skip
    assert broken[-1].reason == "file_unreadable"
    assert {item.reason for item in broken[:-1]} <= {"row_malformed"}  # what is unpacked of the damage itself


def read_broken_json(path: Path) -> list[Broken]:
    source, _ = opened(str(path), "url_table")
    found = []
    for item in source.read(InputSplit(0, str(path), path.name, columns=("url", "caption"))):
        if isinstance(item, Broken) and item.reason != "row_malformed":
            found.append(item)
    return found


def test_an_empty_file_among_others_is_a_rejection(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("url,caption\nhttp://a/0,zero\n")
    (tmp_path / "b.csv").write_text("")
    rows, broken = read(opened(f"{tmp_path}/*.csv", "url_table")[0])
    assert (len(rows), [item.reason for item in broken]) == (1, ["file_unreadable"])
