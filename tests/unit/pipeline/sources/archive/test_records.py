"""A file of records gives the same records however it is packed; what is broken has its place."""

import bz2
import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.sources.archive.record_index import BEGIN, END
from pipeline.sources.archive.records import Records, read_archive
from pipeline.sources.source import Broken
from tests.support.crawl_files import record

BODIES = [b"one", b"two" * 1000, b""]
RECORDS = [record("response", "http://a.example/x", "application/http", body) for body in BODIES]
PLAIN = b"".join(RECORDS)
PACKED = {
    "a.warc": PLAIN,
    "a.warc.gz": b"".join(gzip.compress(one, mtime=0) for one in RECORDS),
    "whole.warc.gz": gzip.compress(PLAIN, mtime=0),
    "a.warc.bz2": bz2.compress(PLAIN),
    "a.warc.zst": pa.compress(PLAIN, "zstd", asbytes=True),
    "misnamed.warc": gzip.compress(PLAIN, mtime=0),
}


def read(path: Path) -> tuple[list[bytes], list[int], list[Broken]]:
    bodies, positions, broken = [], [], []
    for item in read_archive(str(path)):
        if isinstance(item, Records):
            bodies += [item.data[a:b].tobytes() for a, b in item.rows[:, [BEGIN, END]].tolist()]
            positions += item.positions.tolist()
        else:
            broken.append(item)
    return bodies, positions, broken


@pytest.mark.parametrize("name", PACKED)
def test_records_are_the_same_in_every_packing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKED[name])
    bodies, positions, broken = read(tmp_path / name)
    assert (bodies, broken) == (BODIES, [])
    parts = [gzip.compress(one, mtime=0) for one in RECORDS] if name == "a.warc.gz" else RECORDS
    assert positions == [sum(map(len, parts[:number])) for number in range(len(parts))]


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(b"")
    assert read(tmp_path / "a.warc") == ([], [], [Broken("file_unreadable", 0, "the file is empty")])


@pytest.mark.parametrize("name", ["whole.warc.gz", "a.warc.bz2", "a.warc.zst"])
def test_a_file_that_ends_early_is_told_behind_what_could_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKED[name][:-12])
    bodies, _, broken = read(tmp_path / name)
    assert bodies == BODIES[: len(bodies)]
    assert broken[-1].reason == "file_unreadable"


def test_a_record_that_is_cut_is_told_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(PLAIN + RECORDS[1][:-600])
    bodies, _, (broken,) = read(tmp_path / "a.warc")
    assert bodies == BODIES
    assert (broken.reason, broken.position) == ("record_truncated", len(PLAIN))
    assert str(broken.value).startswith("WARC/1")
