"""The sources on real files of every kind, whole and broken."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.sources import formats
from pipeline.sources.config import SourceOptions
from pipeline.sources.source import Broken, InputSplit, Source
from tests.support.sources import read_source


def open_source(path: str, input_format: str, **options: object) -> tuple[Source, str]:
    return formats.open_source(SourceOptions(input=path, input_format=input_format, **options))  # type: ignore[arg-type]


def read(source: Source) -> tuple[list[dict[str, Any]], list[Broken]]:
    found = read_source(source)
    return found.rows, found.broken


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
    source, root = open_source(str(path), "url_table")
    found, broken = read(source)
    assert pairs(found) == EXPECTED
    assert broken == []
    assert root == str(tmp_path)


def test_parquet_row_groups_are_splits_with_their_row_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", 1)
    rows = [{"url": f"http://a/{n}", "caption": f"c{n}"} for n in range(10)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet", row_group_size=3)
    source, _ = open_source(str(tmp_path / "t.parquet"), "url_table")
    assert [split.first_row for split in source.splits()] == [0, 3, 6, 9]
    assert [row["source_row"] for row in read(source)[0]] == list(range(10))


def test_malformed_rows_are_broken_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("url,caption\nhttp://a/0,zero\nhttp://a/1,one,two,three\nhttp://a/2,two\n")
    rows, broken = read(open_source(str(tmp_path / "t.csv"), "url_table")[0])
    assert [row["caption"] for row in rows] == ["zero", "two"]
    assert [(row["source_row"]) for row in rows] == [0, 2]
    assert [(item.reason, item.position, item.value) for item in broken] == [
        ("row_malformed", 1, "http://a/1,one,two,three")
    ]
    (tmp_path / "t.jsonl").write_text(
        '{"url": "http://a/0", "caption": "zero"}\n{"url": \n[1]\n{"url": "u", "caption": "x"}\n'
    )
    rows, broken = read(open_source(str(tmp_path / "t.jsonl"), "url_table")[0])
    assert [(row["source_row"], row["caption"]) for row in rows] == [(0, "zero"), (3, "x")]
    assert [(item.reason, item.position) for item in broken] == [("row_malformed", 1), ("row_malformed", 2)]


def test_an_endless_json_line_is_broken_and_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.tables.json_lines.MAX_LINE_BYTES", 100)
    lines = ['{"url": "http://a/0", "caption": "zero"}', '{"url": "' + "x" * 1000, '{"url": "u", "caption": "x"}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    rows, broken = read(open_source(str(tmp_path / "t.jsonl"), "url_table")[0])
    assert [(row["source_row"], row["caption"]) for row in rows] == [(0, "zero"), (2, "x")]
    assert [(item.reason, item.position) for item in broken] == [("row_malformed", 1)]


def test_a_truncated_file_is_broken_and_the_others_are_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["http://a/0"], "caption": ["x"]}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(whole[: len(whole) // 2])
    rows, broken = read(open_source(f"{tmp_path}/*.parquet", "url_table")[0])
    assert len(rows) == 1
    assert [item.reason for item in broken] == ["file_unreadable"]


def test_extra_columns_are_carried_through(tmp_path: Path) -> None:
    table = pa.table({"url": ["http://a/0"], "caption": ["x"], "similarity": pa.array([0.25], pa.float32())})
    pq.write_table(table, tmp_path / "a.parquet")
    source, _ = open_source(str(tmp_path / "a.parquet"), "url_table", extra_columns=("similarity",))
    assert read(source)[0][0]["extra"] == {"similarity": 0.25}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url_column": "link"}, r"no column 'link' \(--url-column\); found \['u', 'caption'\]"),
        ({}, r"none of the columns .*; found \['u', 'caption'\]; name yours with --url-column"),
        ({"url_column": "u", "extra_columns": ("nsfw",)}, r"no column 'nsfw' \(--extra-columns\)"),
    ],
)
def test_missing_columns_are_named(tmp_path: Path, options: dict[str, object], message: str) -> None:
    pq.write_table(pa.table({"u": ["http://a/0"], "caption": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=message):
        open_source(str(tmp_path / "a.parquet"), "url_table", **options)[0].splits()


def test_an_unknown_table_kind_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"a url_table is named \.parquet, \.csv"):
        open_source(str(tmp_path / "a.xlsx"), "url_table")[0].splits()


def png() -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(sink, "PNG")
    return sink.getvalue()


def test_folder_takes_captions_from_beside_or_from_class_folders(tmp_path: Path) -> None:
    for name, text in [("pairs/a.png", None), ("pairs/a.txt", "a red square"), ("pairs/b.png", None),
                       ("pairs/b.json", '{"caption": "from json"}'), ("golden_retriever/1.png", None),
                       ("pairs/c.png", None), ("pairs/c.txt", b"\xff\xfe")]:  # fmt: skip
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png() if text is None else text if isinstance(text, bytes) else text.encode())
    rows, broken = read(open_source(str(tmp_path / "photos"), "folder")[0])
    found = {row["image_ref"]["member"]: (row["caption"], row["text_source"]) for row in rows}
    assert found == {
        "golden_retriever/1.png": ("golden retriever", "folder_name"),
        "pairs/a.png": ("a red square", "txt"),
        "pairs/b.png": ("from json", "json"),
    }
    assert {row["image_ref"]["root"] for row in rows} == {"photos"}
    assert [(item.reason, item.value) for item in broken] == [("caption_not_utf8", "pairs/c.png")]


def test_webdataset_refers_to_bytes_in_the_tar(tmp_path: Path) -> None:
    shard = tmp_path / "00000.tar"
    with tarfile.open(shard, "w") as tar:
        for name, body in [("x/1.png", png()), ("x/1.txt", b"one"), ("x/2.tiny.png", png()), ("x/3.jpg", png()),
                           ("x/3.json", b'{"caption": "three"}'), ("x/3.png", png())]:  # fmt: skip
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    rows, broken = read(open_source(str(shard), "webdataset", input_name="set")[0])
    assert [row["caption"] for row in rows] == ["one", "three"]
    first = rows[0]["image_ref"]
    assert first["member"] == "00000.tar/x/1.png"
    whole = shard.read_bytes()
    assert whole[first["offset"] : first["offset"] + first["length"]] == png()
    assert [item.reason for item in broken] == ["image_missing"]
    assert str(broken[0].value).startswith("x/2.tiny.png: the key is 'x/2', and none of the suffixes .tiny.png is")


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, body in members:
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))


def test_a_bad_sample_is_one_rejection(tmp_path: Path) -> None:
    members = [
        ("./1.png", png()), ("./1.txt", b"one"),
        ("2.png", png()), ("2.txt", b"\xff"), ("2.json", b'{"caption": "x"}'),
        ("3.png", png()), ("3.png", png()),
        ("4.png", png()), ("4.json", b'{"caption": "\\ud83d"}'),
        ("\udcff.png", png()),
    ]  # fmt: skip
    write_tar(tmp_path / "a.tar", members)
    rows, broken = read(open_source(str(tmp_path / "a.tar"), "webdataset")[0])
    assert [row["image_ref"]["member"] for row in rows] == ["a.tar/1.png"]
    assert [item.reason for item in broken] == [
        "caption_not_utf8", "key_repeated", "caption_not_utf8", "name_not_utf8",
    ]  # fmt: skip


def test_damage_in_the_middle_of_a_tar_is_no_end(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [(f"{number}.png", png()) for number in range(4)])
    whole = bytearray((tmp_path / "a.tar").read_bytes())
    assert read(open_source(str(tmp_path / "a.tar"), "webdataset")[0])[1] == []
    whole[2048:2560] = b"\xff" * 512  # the header of the third member
    (tmp_path / "b.tar").write_bytes(whole)
    rows, broken = read(open_source(str(tmp_path / "b.tar"), "webdataset")[0])
    assert len(rows) == 2
    assert [item.reason for item in broken] == ["file_truncated"]
    (tmp_path / "c.tar").write_bytes(whole[:2048])  # cut between two members
    rows, broken = read(open_source(str(tmp_path / "c.tar"), "webdataset")[0])
    assert (len(rows), [item.reason for item in broken]) == (2, ["file_truncated"])


def test_a_lone_surrogate_is_a_rejection(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"url": "http://a/0", "caption": "dog \\ud83d"}\n{"url": "u", "caption": "x"}\n')
    rows, broken = read(open_source(str(tmp_path / "t.jsonl"), "url_table")[0])
    assert [(row["source_row"], row["caption"]) for row in rows] == [(1, "x")]
    assert [(item.reason, item.position) for item in broken] == [("caption_not_utf8", 0)]


def test_neighbours_of_a_bad_line_keep_their_values(tmp_path: Path) -> None:
    lines = ["not json", '{"url": "http://a/1"}', "", '{"url": "http://a/2", "caption": 7, "similarity": 0.5}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    source, _ = open_source(str(tmp_path / "t.jsonl"), "url_table", extra_columns=("similarity",))
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
    _, broken = read(open_source(str(tmp_path / name), "url_table", url_column="url")[0]) if "csv" in name else (
        None, read_broken_json(tmp_path / name),
    )  # fmt: skip
    assert broken[-1].reason == "file_unreadable"
    assert {item.reason for item in broken[:-1]} <= {"row_malformed"}  # what is unpacked of the damage itself


def read_broken_json(path: Path) -> list[Broken]:
    source, _ = open_source(str(path), "url_table")
    found = []
    for item in source.read(InputSplit(0, str(path), path.name, columns=("url", "caption"))):
        if isinstance(item, Broken) and item.reason != "row_malformed":
            found.append(item)
    return found


def test_an_empty_file_among_others_is_a_rejection(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("url,caption\nhttp://a/0,zero\n")
    (tmp_path / "b.csv").write_text("")
    rows, broken = read(open_source(f"{tmp_path}/*.csv", "url_table")[0])
    assert (len(rows), [item.reason for item in broken]) == (1, ["file_unreadable"])


def test_binary_captions_are_told_apart_row_by_row(tmp_path: Path) -> None:
    table = pa.table({"url": ["http://a/0", "http://a/1"], "caption": pa.array([b"ok", b"\xff"], pa.large_binary())})
    pq.write_table(table, tmp_path / "t.parquet")
    source, _ = open_source(str(tmp_path / "t.parquet"), "url_table")
    (raw,) = source.read(source.splits()[0])
    assert isinstance(raw, pa.Table)
    assert [value.as_buffer().to_pybytes() for value in raw["caption"]] == [b"ok", b"\xff"]


def test_a_truncated_tar_keeps_what_came_before(tmp_path: Path, shared_data: Path) -> None:
    whole = (shared_data / "captions" / "clip-retrieval-tests" / "image1.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(whole)
    (tmp_path / "b.tar").write_bytes(whole[: len(whole) // 2 + 100])
    rows, _ = read(open_source(str(tmp_path / "a.tar"), "webdataset")[0])
    less, broken = read(open_source(str(tmp_path / "b.tar"), "webdataset")[0])
    assert 0 < len(less) < len(rows) or broken


def test_memory_does_not_grow_with_the_members_of_a_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tarfile.TarFile] = []
    kept: list[int] = []

    class Watched(tarfile.TarFile):
        def next(self) -> tarfile.TarInfo | None:
            opened.append(self)
            kept.append(len(self.members))
            return super().next()

    monkeypatch.setattr("tarfile.TarFile", Watched)
    monkeypatch.setattr("tarfile.open", Watched.open)
    write_tar(tmp_path / "a.tar", [(f"{number}.png", b"x") for number in range(300)])
    rows, broken = read(open_source(str(tmp_path / "a.tar"), "webdataset")[0])
    assert (len(rows), broken) == (300, [])
    assert len(kept) > 300
    assert max(kept) <= 1
