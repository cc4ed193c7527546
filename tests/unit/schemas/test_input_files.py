"""The files that patterns name: side files are passed over and told, folders stand for what is in them."""

import logging
from pathlib import Path

import fsspec
import pytest

from schemas.input_files import expand_glob, find_files

SUFFIXES = (".parquet", ".csv")


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def found(folder: Path, pattern: str) -> tuple[list[str], list[str]]:
    files = find_files(f"{folder}/{pattern}", SUFFIXES)
    names = [[path.removeprefix(f"{folder}/") for path in paths] for paths in (files.paths, files.passed_over)]
    return names[0], names[1]


SPARK = ("d/part-0.parquet", "d/_SUCCESS", "d/.part-0.parquet.crc", "d/._SUCCESS.crc")


@pytest.mark.parametrize("pattern", ["d/*", "d", "d/", "*/*", "d/**", "**"])
def test_what_spark_writes_beside_a_table_is_passed_over(tmp_path: Path, pattern: str) -> None:
    make(tmp_path, *SPARK)
    files, passed_over = found(tmp_path, pattern)
    assert files == ["d/part-0.parquet"]
    assert set(passed_over) <= set(SPARK[1:])
    assert "d/_SUCCESS" in passed_over


def test_a_folder_stands_for_the_tables_below_it(tmp_path: Path) -> None:
    make(tmp_path, "d/year=2024/a.parquet", "d/year=2025/B.PARQUET", "d/_delta_log/0.csv", "d/README.md")
    assert found(tmp_path, "d") == (
        ["d/year=2024/a.parquet", "d/year=2025/B.PARQUET"], ["d/README.md", "d/_delta_log/0.csv"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("_tables/*.parquet", ["_tables/a.parquet"]),  # asked for by name
        ("*/a.parquet", ["b/a.parquet"]),
        ("_*/a.parquet", ["_tables/a.parquet"]),
        (".cache/*/a.parquet", [".cache/c/a.parquet"]),
        ("_tables/a.parquet", ["_tables/a.parquet"]),
        ("*.csv,b/*", ["b/a.parquet", "c.csv"]),
    ],
)
def test_only_what_a_wildcard_takes_in_is_passed_over(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    make(tmp_path, "_tables/a.parquet", "_tables/_b.parquet", "b/a.parquet", ".cache/c/a.parquet", "c.csv")
    files = find_files(",".join(f"{tmp_path}/{part}" for part in pattern.split(",")), SUFFIXES)
    assert [path.removeprefix(f"{tmp_path}/") for path in files.paths] == expected


def test_mac_side_files_of_tables_are_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path, "a.parquet", "._a.parquet", "__MACOSX/._a.parquet")
    with caplog.at_level(logging.WARNING):
        assert expand_glob(f"{tmp_path}/**/*.parquet") == [f"{tmp_path}/a.parquet"]
    assert "passed over" in caplog.text
    assert "._a.parquet" in caplog.text


def test_a_remote_folder_is_taken_too() -> None:
    fs = fsspec.filesystem("memory")
    for name in ("part-0.parquet", "_SUCCESS", ".part-0.parquet.crc"):
        fs.pipe(f"/spark/d/{name}", b"x")
    for pattern in ("memory://spark/d", "memory://spark/d/*"):
        assert find_files(pattern, SUFFIXES).paths == ["memory:///spark/d/part-0.parquet"]


@pytest.mark.parametrize(
    ("pattern", "suffixes", "message"),
    [
        ("d", (), r"d' is a folder; give its files, such as '.*/d/\*'"),
        ("d", (".tar",), r"d' is a folder with 4 files, none of them named \.tar"),
        ("d/_*.parquet", SUFFIXES, r"no file matches '.*_\*\.parquet';"),
        ("d/*S", SUFFIXES, r"no file matches '.*\*S' but 1 side files \(_SUCCESS\)"),
    ],
    ids=["no suffixes", "others", "nothing", "only side files"],
)
def test_what_names_no_file_is_told(tmp_path: Path, pattern: str, suffixes: tuple[str, ...], message: str) -> None:
    make(tmp_path, *SPARK)
    with pytest.raises(FileNotFoundError, match=message):
        find_files(f"{tmp_path}/{pattern}", suffixes)


def test_a_glob_that_matches_nothing_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\*\.parquet"):
        expand_glob(f"{tmp_path}/nothing*.parquet")
