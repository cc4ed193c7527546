"""The files of a plan: those of a shard where an image came, those of a plan without one else."""

import io
import tarfile
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.download.outcome import Failure
from pipeline.download.shard.plan import ShardPlan, read_shard_images
from pipeline.download.shard.table import ImageResult
from pipeline.download.shard.write import FetchedShard, write_shard
from schemas.manifest import recorded
from schemas.storage import Folder
from schemas.units import read_unit
from tests.support.download import make_selection


def fetched(root: Path, results: list[tuple[str, bytes]]) -> FetchedShard:
    """`results`: of each image its reason, or "" and its bytes."""
    selection = root / "selection"
    make_selection(str(selection), [[(f"http://a/{n}", f"caption {n}") for n in range(len(results))]])
    plan = ShardPlan(0, 0, str(selection), recorded(Folder(str(selection)), "00000.parquet"))
    spool = io.BytesIO()
    found = []
    for reason, body in results:
        if reason:
            found.append(ImageResult(Failure(reason), None))
            continue
        found.append(ImageResult(None, 200, 1, 1, 1, 1, "ab", spool.tell(), len(body)))
        spool.write(body)
    return FetchedShard(plan, read_shard_images(plan), found, spool, 9, 0.0)


def test_a_shard_holds_the_images_that_came_in_the_order_of_their_keys(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "shards"))
    unit = write_shard(folder, fetched(tmp_path, [("", b"one"), ("dns_failed", b""), ("", b"three")]), "jpg")
    keys = pq.read_table(tmp_path / "shards" / "00000.parquet")["key"].to_pylist()
    assert keys == sorted(keys)
    with tarfile.open(tmp_path / "shards" / "00000.tar") as tar:
        assert [member.name for member in tar] == [
            f"{key}.{suffix}" for key in (keys[0], keys[2]) for suffix in ("jpg", "json", "txt")
        ]
        member = tar.extractfile(f"{keys[2]}.jpg")
        assert member is not None
        assert member.read() == b"three"
    assert [file.name for file in unit.files] == ["00000.tar", "00000.parquet", "rejections/00000.parquet"]
    assert [file.rows for file in unit.files] == [2, 3, 1]
    assert unit == read_unit(folder, "00000_stats.json")
    written = read_unit(folder, "00000_stats.json")
    assert written is not None
    assert written.body.counts("outcomes") == {"dns_failed": 1, "success": 2}
    (rejected,) = pq.read_table(tmp_path / "shards" / "rejections" / "00000.parquet").to_pylist()
    assert (rejected["reason"], rejected["source_file"]) == ("dns_failed", "00000.parquet")
    assert rejected["value"].startswith("http://a/")


def test_a_plan_without_an_image_is_no_shard(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "shards"))
    write_shard(folder, fetched(tmp_path, [("dns_failed", b""), ("timed_out", b"")]), "jpg")
    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == [
        "rejections", "without-images-00000.parquet", "without-images-00000_stats.json",
    ]  # fmt: skip


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        folder = Folder(str(tmp_path / name / "shards"))
        write_shard(folder, fetched(tmp_path / name, [("", b"one"), ("timed_out", b"")]), "jpg")
        found.append([folder.read(file) for file in ("00000.tar", "00000.parquet", "rejections/00000.parquet")])
    assert found[0] == found[1]
