"""What collect says of an input of which files cannot be read: which file, why, and what it was read as."""

import re
from pathlib import Path

import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.runners.failures import JobFailed
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from tests.conftest import write_queries

GOOD = b"url,caption\nhttp://h/1.jpg,a cat\n"


def collect(tmp_path: Path, name: str, input_format: str, fraction: float = 0.5) -> None:
    write_queries(tmp_path / "queries", ["cat"])
    config = CollectConfig(
        input=f"{tmp_path}/{name}", input_format=input_format, queries=f"{tmp_path}/queries",
        output=f"{tmp_path}/candidates", max_rejected_fraction=fraction,
    )  # fmt: skip
    run_collect(config, [])


@pytest.mark.parametrize(
    ("name", "data", "input_format"),
    [
        ("a.csv", b"", "url_table"),
        ("a.jsonl", b"", "url_table"),
        ("a.parquet", b"PAR1 and no more", "url_table"),
        ("a.csv", GOOD, "webdataset"),
        ("a.tar", b"", "webdataset"),
        ("a.wat.gz", b"", "wat"),
        ("a.warc", b"", "warc"),
    ],
    ids=["csv", "jsonl", "parquet", "csv as webdataset", "tar", "wat", "warc"],
)
def test_a_file_that_cannot_be_read_is_named_with_its_reason(
    tmp_path: Path, name: str, data: bytes, input_format: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match="cannot be read") as refused:
        collect(tmp_path, name, input_format)
    said = str(refused.value)
    named = rf"read as --input-format {input_format}, {name} cannot be read \(file_unreadable: \w+.*\)"
    assert re.match(named, said), said
    assert " of 0 " not in said
    assert "has 0 good" in said


def test_several_files_are_counted_and_weighed_against_the_good_records(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.csv").write_bytes(b"")
    (tmp_path / "a.csv").write_bytes(GOOD)
    with pytest.raises(
        ValueError, match=r"0.csv cannot be read \(.*; 3 files are so\), and the input has 1 good records"
    ):
        collect(tmp_path, "*.csv", "url_table")
    collect(tmp_path, "*.csv", "url_table", 0.75)


def test_broken_records_are_told_without_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"url,caption\n" + b"ftp://h/1.jpg,a cat\n" * 3)
    (tmp_path / "b.csv").write_bytes(b"")
    with pytest.raises(ValueError, match=r"3 of 3 records are broken, .*'file_unreadable': 1.*such as url_not_http"):
        collect(tmp_path, "*.csv", "url_table")


def test_a_file_that_is_still_written_to_ends_the_run_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its identity would name another file than the one that was read."""
    (tmp_path / "a.csv").write_bytes(GOOD)

    def start_and_write(output: Folder, record: RunRecord) -> bool:
        with open(tmp_path / "a.csv", "ab") as growing:
            growing.write(b"http://h/2.jpg,a cat\n")
        return start_run(output, record)

    monkeypatch.setattr("pipeline.collect.job.start_run", start_and_write)
    with pytest.raises(JobFailed, match=rf"{tmp_path}/a.csv: found {len(GOOD) + 21} bytes, not the {len(GOOD)} it had"):
        collect(tmp_path, "a.csv", "url_table")
