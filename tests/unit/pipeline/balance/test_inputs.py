"""What a balance is made from: which files are candidates, which queries they were matched with, which key."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.balance.config import BalanceOptions
from pipeline.balance.inputs import candidate_files, extra_type, find_queries, hash_of_key, most_shuffled, rank_key
from schemas.identity import seed_key
from schemas.manifest import write_manifest
from schemas.run_record import read_run
from schemas.storage import Folder
from tests.support.candidates_folder import write_candidates


@pytest.fixture
def candidates(tmp_path: Path) -> Folder:
    return Folder(write_candidates(tmp_path, [[0], [0, 1], [1]], ["red", "cat"]))


def test_only_tables_of_the_folder_itself_that_hold_rows_are_candidates(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    names = {"00000.parquet": 2, "00001.parquet": 0, "rejections/a.parquet": 1, "drops.arrow": 1}
    write_manifest(
        folder, "candidates", [folder.write(name, b"x", rows) for name, rows in names.items()], rows=2, identity="x",
        summary={},
    )  # fmt: skip
    assert [file.name for file in candidate_files(folder)] == ["00000.parquet"]


def test_the_most_that_is_shuffled_is_all_of_them(candidates: Folder) -> None:
    assert most_shuffled(candidates).rows == 3


def test_the_type_of_carried_columns_is_that_of_the_files(candidates: Folder, tmp_path: Path) -> None:
    assert extra_type(candidates) == pa.struct([])
    extra = pa.struct([("score", pa.float32())])
    folder = Folder(str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    pq.write_table(pa.table({"extra": pa.array([{"score": 0.5}], extra)}), tmp_path / "other" / "0.parquet")
    record = folder.write("0.parquet", folder.read("0.parquet"), 1)
    write_manifest(folder, "candidates", [record], rows=1, identity="x", summary={})
    assert extra_type(folder) == extra


def test_the_queries_are_found_where_collect_found_them_or_where_they_were_moved(
    candidates: Folder, tmp_path: Path
) -> None:
    run = read_run(candidates)
    assert find_queries("", candidates, run).url == str(tmp_path / "queries")
    (tmp_path / "queries").rename(tmp_path / "moved")
    assert find_queries(str(tmp_path / "moved"), candidates, run).url == str(tmp_path / "moved")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        find_queries("", candidates, run)


def test_other_queries_are_refused(candidates: Folder, tmp_path: Path) -> None:
    write_candidates(tmp_path / "other", [[0]], ["dog"])
    with pytest.raises(ValueError, match=r"not the queries the candidates were matched with .* name the right folder"):
        find_queries(str(tmp_path / "other" / "queries"), candidates, read_run(candidates))


def test_a_key_is_the_seeds_or_that_of_a_file(tmp_path: Path) -> None:
    assert rank_key(BalanceOptions(seed=7)) == seed_key(7)
    (tmp_path / "key").write_bytes(b"k" * 64)
    assert rank_key(BalanceOptions(rank_key_file=str(tmp_path / "key"))) == b"k" * 64
    for size in (0, 65):
        (tmp_path / "key").write_bytes(b"k" * size)
        with pytest.raises(ValueError, match="expected 1 to 64 bytes"):
            rank_key(BalanceOptions(rank_key_file=str(tmp_path / "key")))


def test_what_tells_keys_apart_does_not_hold_them() -> None:
    assert hash_of_key(b"a") != hash_of_key(b"b")
    assert b"secret".hex() not in hash_of_key(b"secret")
