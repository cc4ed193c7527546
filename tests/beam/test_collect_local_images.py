"""Collect over local images and Spark's folders: what is passed over is counted, and nothing is lost in silence."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.collect.rejected import TooManyRejections
from tests.support.small_shards import picture, write_tar


@pytest.fixture
def collect(tmp_path: Path, queries_folder: Callable[[list[str]], str]) -> Callable[..., dict[str, object]]:
    queries = queries_folder(["cat", "dog"])

    def run(path: str, input_format: str, **options: object) -> dict[str, object]:
        output = str(tmp_path / f"out-{len(list(tmp_path.iterdir()))}")
        config = CollectConfig(input=path, input_format=input_format, queries=queries, output=output, **options)  # type: ignore[arg-type]
        return dict(run_collect(config, [])["summary"])

    return run


def test_side_files_of_tars_and_folders_are_counted_drops(tmp_path: Path, collect: Callable[..., dict]) -> None:
    members = [
        ("._a.jpg", b"side"),
        ("a.jpg", picture(0)),
        ("._a.txt", b"side"),
        ("a.txt", b"a cat"),
        ("b.txt", b"a dog"),
    ]
    (tmp_path / "tars").mkdir()
    write_tar(tmp_path / "tars" / "0.tar", members)
    (tmp_path / "tars" / "._0.tar").write_bytes(b"side")
    for path in (f"{tmp_path}/tars", f"{tmp_path}/tars/*.tar", f"{tmp_path}/tars/*"):
        summary = collect(path, "webdataset")
        assert summary["counts"]["records"] == 4
        assert summary["counts"]["candidates"] == 1
        assert summary["dropped_by_reason"] == {"side_file": 2}
        assert summary["rejected_by_reason"] == {"image_missing": 1}
        assert summary["files_passed_over"] == 1
    files = {"cat/a.jpg": picture(0), "cat/._a.jpg": b"side", "cat/x.heic": b"?", "b.jpg": picture(1)}
    for name, body in files.items():
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(body)
    summary = collect(f"{tmp_path}/set", "folder")
    assert summary["counts"]["records"] == 4
    assert summary["dropped_by_reason"] == {"side_file": 1, "other_file": 1}
    assert summary["rejected_by_reason"] == {"caption_missing": 1}


def test_a_folder_of_spark_gives_its_rows(tmp_path: Path, collect: Callable[..., dict]) -> None:
    (tmp_path / "spark").mkdir()
    table = pa.table({"url": ["http://a.example/1.jpg", "http://a.example/2.jpg"], "caption": ["a cat", "a dog"]})
    pq.write_table(table, tmp_path / "spark" / "part-0.parquet")
    for name in ("_SUCCESS", ".part-0.parquet.crc", "._SUCCESS.crc"):
        (tmp_path / "spark" / name).write_bytes(b"")
    for path in (f"{tmp_path}/spark", f"{tmp_path}/spark/", f"{tmp_path}/spark/*"):
        summary = collect(path, "url_table")
        assert summary["counts"]["candidates"] == summary["counts"]["records"] == 2
        assert summary["files_passed_over"] == 3


def test_too_many_broken_samples_are_told_with_an_example(tmp_path: Path, collect: Callable[..., dict]) -> None:
    write_tar(tmp_path / "0.tar", [(name, b"a cat") for name in ("a.png", "b.png", "a.txt", "b.txt", "c.mp3", "d.mp3",
                                                                  "e.mp3")])  # fmt: skip
    with pytest.raises(TooManyRejections, match=r"such as image_missing at \d+ of 0\.tar: \"c\.mp3: the key is 'c'"):
        collect(f"{tmp_path}/0.tar", "webdataset")
    members = [("a.png", b"x"), ("b.png", b"x"), ("a.txt", b"a cat"), ("b.txt", b"a cat")]
    write_tar(tmp_path / "1.tar", members)
    with pytest.raises(TooManyRejections, match="members_apart"):
        collect(f"{tmp_path}/1.tar", "webdataset")
