"""A folder's listing against what it notes of itself."""

from pathlib import Path

import pytest

from schemas.manifest import read_files, write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.shards_folder import TAR_SUFFIX
from schemas.storage import Folder
from schemas.tar_listing import check_listing, index_beside, index_name, tars_of_index
from tests.support.small_shards import write_shards


def ours(path: Path) -> Folder:
    """Return a finished folder of two shards."""
    folder = Folder(str(path))
    start_run(folder, RunRecord(command="pipeline download", config={}))
    files = [folder.write(f"0000{number}.tar", bytes(1_024 * (number + 1))) for number in range(2)]
    files.append(folder.write("00000.parquet", b"table"))
    files.append(folder.write("tables/shard_index.parquet", b"index"))
    write_manifest(folder, "shards", files, rows=1, identity="x", summary={})
    return folder


def test_shards_of_two_kinds_are_an_error_that_names_one(tmp_path: Path) -> None:
    folder = ours(tmp_path)
    assert sorted(check_listing(folder, folder.sizes(TAR_SUFFIX))) == [
        "00000.tar", "00001.tar", "tables/shard_index.parquet",
    ]  # fmt: skip
    (tmp_path / "00002.tar").write_bytes(bytes(1_024))
    with pytest.raises(ValueError, match=r"00002\.tar: no shard of this folder, .* shards of two kinds are mixed"):
        check_listing(folder, folder.sizes(TAR_SUFFIX))


def test_a_shard_that_changed_or_went_is_named(tmp_path: Path) -> None:
    folder = ours(tmp_path)
    (tmp_path / "00001.tar").write_bytes(bytes(5))
    with pytest.raises(ValueError, match=r"00001\.tar: found 5 bytes, not the 2048 noted"):
        check_listing(folder, folder.sizes(TAR_SUFFIX))
    (tmp_path / "00001.tar").unlink()
    with pytest.raises(ValueError, match=r"00001\.tar: gone; the folder's list of files has it"):
        check_listing(folder, folder.sizes(TAR_SUFFIX))


def test_a_folder_of_others_notes_nothing(tmp_path: Path) -> None:
    folder = Folder(str(write_shards(tmp_path / "a", 5)))
    (tmp_path / "a" / "manifest.json").write_text("of another tool")
    assert check_listing(folder, {"x.tar": 1}) == {}
    assert (index_name(folder), index_beside(folder)) == ("shard_index.parquet", "")
    folder.write("shard_index.parquet", b"")
    assert index_beside(folder) == "shard_index.parquet"
    assert tars_of_index(folder) is None


def test_ours_has_its_index_among_its_tables(tmp_path: Path) -> None:
    folder = ours(tmp_path)
    assert index_name(folder) == index_beside(folder) == "tables/shard_index.parquet"
    assert tars_of_index(folder) is None


def test_an_index_that_does_not_say_where_its_tars_are(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    start_run(folder, RunRecord(command="pipeline index", config={}))
    write_manifest(folder, "index", [], rows=1, identity="x", summary={})
    with pytest.raises(ValueError, match=r"run\.json: expected paths to name the folder of the tars"):
        tars_of_index(folder)


def test_some_of_the_files_of_a_list(tmp_path: Path) -> None:
    folder = ours(tmp_path)
    assert [record.name for record in read_files(folder, (".parquet", "1.tar"))] == [
        "00000.parquet", "00001.tar", "tables/shard_index.parquet",
    ]  # fmt: skip
    assert len(read_files(folder)) == 4
