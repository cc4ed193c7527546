"""Images as files: named as img2dataset names them, listed with their hashes, moved and tidied with their shard."""

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.download.shard.numbering import finished_plans, number_shards
from pipeline.download.shard.sinks.files import contents_of, tidy_files
from pipeline.download.shard.write import write_shard
from schemas.storage import Folder
from schemas.units import Unit
from tests.unit.pipeline.download.shard.test_write import fetched


def written(tmp_path: Path) -> tuple[Folder, Unit]:
    folder = Folder(str(tmp_path / "shards"))
    results = [("", b"one"), ("dns_failed", b""), ("", b"three")]
    return folder, write_shard(folder, fetched(tmp_path, results), "png", "files")


def files_in(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def test_each_image_that_came_is_three_files(tmp_path: Path) -> None:
    folder, unit = written(tmp_path)
    table = pq.read_table(tmp_path / "shards" / "00000.parquet").to_pylist()
    keys = [row["key"] for row in table if row["status"] == "success"]
    assert files_in(tmp_path / "shards" / "00000") == [f"{k}.{s}" for k in keys for s in ("json", "png", "txt")]
    last = tmp_path / "shards" / "00000" / keys[1]
    assert last.with_suffix(".png").read_bytes() == b"three"
    assert last.with_suffix(".txt").read_text() == next(row["caption"] for row in table if row["key"] == keys[1])
    assert json.loads(last.with_suffix(".json").read_text())["key"] == keys[1]
    assert [file.name for file in unit.files] == [
        "contents/00000.parquet", "00000.parquet", "rejections/00000.parquet",
    ]  # fmt: skip
    listing = pq.read_table(tmp_path / "shards" / "contents" / "00000.parquet").to_pylist()
    for row in listing:
        data = (tmp_path / "shards" / "00000" / row["name"]).read_bytes()
        assert (row["bytes"], row["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert unit.body["stored_bytes"] == sum(row["bytes"] for row in listing)
    assert contents_of(folder, unit) == {row["name"]: row["bytes"] for row in listing}


def test_a_shard_that_changes_its_number_takes_its_files_along(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "shards" / "00000").iterdir()}
    for suffix in (".parquet", "_stats.json", ""):
        (tmp_path / "shards" / f"00000{suffix}").rename(tmp_path / "shards" / f"00004{suffix}")
    stats = tmp_path / "shards" / "00004_stats.json"
    stats.write_text(stats.read_text().replace('"00000.parquet"', '"00004.parquet"'))
    (moved,) = number_shards(folder, finished_plans(folder).values(), 0)
    assert moved.shard == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "shards" / "00000").iterdir()} == before
    tidy_files(folder, [(0, moved.unit)])
    assert not (tmp_path / "shards" / "00004").exists()


def test_what_is_in_no_listing_goes_and_what_lacks_is_told(tmp_path: Path) -> None:
    folder, unit = written(tmp_path)
    root = tmp_path / "shards"
    expected = files_in(root / "00000")
    (root / "00000" / "killed.png").write_bytes(b"x")
    (root / "00007").mkdir()
    (root / "00007" / "lost.png").write_bytes(b"x")
    tidy_files(folder, [(0, unit)])
    assert files_in(root / "00000") == expected
    assert not (root / "00007").exists()
    (root / "00000" / expected[0]).write_bytes(b"cut")
    with pytest.raises(FileNotFoundError, match=rf"{expected[0]}: expected a file of .* delete 00000_stats\.json"):
        tidy_files(folder, [(0, unit)])
