"""Shards as schema 1.3 wrote them: a tar for every plan, also without a sample; ids of fixed size; other tables beside
those of the images; an image of a first round once more in a refill. They train, and count as earlier rounds.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.balance.refill.earlier import read_rounds
from pipeline.download.shard.numbering import finished_plans
from pipeline.download.shard.plan import ShardPlan, number_shift, read_shard_images
from pipeline.download.shard.tar import open_tar
from schemas.candidate import selection_schema
from schemas.manifest import read_files, read_manifest, write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.sample import SHARD_TABLE
from schemas.storage import FileRecord, Folder, canonical_json
from schemas.tables_dir import QUERY_COUNTS_NAME, TABLES_DIR, find_table
from schemas.units import commit_unit
from tests.support.download import make_selection, selection_table
from tests.support.older_folder import make_older
from tests.support.opened_shards import captions, keys, open_shards
from tests.support.small_shards import picture

SINCE = (
    "image_ref", "license", "members", "signals", "policy_decision", "policy_rule", "phash", "exif",
)  # fmt: skip
OLD_TABLE = pa.schema([field for field in SHARD_TABLE if field.name not in SINCE])

PLANS = [[("a", "a first caption", True), ("b", "b", True)], [("c", "c", False)], [("a", "a further caption", True)]]
"""By plan: image, caption, whether it came. The third is a refill."""


def image_id(name: str) -> bytes:
    return name.encode() * 16


def write_old_table(folder: Folder, name: str, table: pa.Table) -> FileRecord:
    """Write ids of fixed size, as a table has them in memory."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return folder.write(name, sink.getvalue().to_pybytes(), len(table))


def write_plan(folder: Folder, plan: int) -> list[FileRecord]:
    rows = [
        {
            "url": f"http://a.example/{name}", "caption": caption, "captions": [caption], "image_id": image_id(name),
            "key": image_id(name).hex(), "status": "success" if came else "failed_to_download", "retryable": False,
            "pair_ids": [caption.encode().ljust(16)[:16]], "query_ids": [[plan]],
        }
        for name, caption, came in PLANS[plan]
    ]  # fmt: skip
    table = write_old_table(folder, f"{plan:05d}.parquet", pa.Table.from_pylist(rows, schema=OLD_TABLE))
    with folder.writing(f"{plan:05d}.tar") as sink, open_tar(sink) as tar:
        for row in (row for row in rows if row["status"] == "success"):
            image = picture(plan, image_format="JPEG")
            tar.write({"__key__": row["key"], "jpg": image, "json": canonical_json({"captions": row["captions"]})})
    return [table, FileRecord(f"{plan:05d}.tar", len(rows), sink.bytes, sink.sha256)]


@pytest.fixture
def shards(tmp_path: Path) -> Folder:
    folder = Folder(str(tmp_path / "shards"))
    start_run(folder, RunRecord(command="pipeline download", config={}))
    files = []
    for plan in range(len(PLANS)):
        written = write_plan(folder, plan)
        came = sum(came for *_, came in PLANS[plan])
        commit_unit(folder, f"{plan:05d}_stats.json", written, {"successes": came, "outcomes": {}, "count": came})
        files += written
    files.append(folder.write(QUERY_COUNTS_NAME, b"counts"))
    write_manifest(folder, "shards", files, rows=3, identity="x", summary={})
    (tmp_path / "shards" / TABLES_DIR / "files.parquet").rename(tmp_path / "shards" / "files.parquet")
    (tmp_path / "shards" / "README.md").unlink()
    make_older(folder.url)
    return folder


def test_they_train(shards: Folder) -> None:
    found = open_shards(shards.url)
    assert keys(found) == [image_id(name).hex() for name in "aba"]
    assert captions(found) == [["a first caption"], ["b"], ["a further caption"]]


def test_they_are_earlier_rounds(shards: Folder) -> None:
    rounds = read_rounds([shards])
    assert (rounds.num_plans, rounds.num_shards) == (3, 3)
    assert len(rounds.earlier.failed_images) == 1
    assert len(rounds.earlier.selected_pairs) == 4
    assert len(rounds.stored_images) == 2
    assert rounds.fetched_by_query(4).tolist() == [2, 0, 1, 0]
    assert read_rounds([shards], 2).fetched_by_query(4).tolist() == [2, 0, 0, 0]


def test_their_manifest_and_tables_are_found(shards: Folder) -> None:
    assert read_manifest(shards, "shards")["schema"] == "1.3"
    assert len(read_files(shards)) == 7
    assert shards.read(find_table(shards, QUERY_COUNTS_NAME)) == b"counts"
    assert {plan: found.shard for plan, found in finished_plans(shards).items()} == {0: 0, 1: 1, 2: 2}


def test_a_selection_of_that_time_is_read(tmp_path: Path) -> None:
    rows = [("http://a.example/1", "x", {"license": "CC0"}), ("http://a.example/1", "y"), ("http://a.example/2", "z")]
    old = selection_table(rows, 4).drop_columns(["stored"])
    assert old.schema.types != selection_schema().types
    record = write_old_table(Folder(str(tmp_path)), "00004.parquet", old)
    images = read_shard_images(ShardPlan(4, 4, str(tmp_path), record))
    assert sorted(len(captions) for captions in images.table["captions"].to_pylist()) == [1, 2]
    assert images.further.num_rows == 0
    folder = make_selection(str(tmp_path / "selection"), [rows], first_shard=4)
    manifest = folder.read_json("manifest.json")
    del manifest["summary"]["shards"]["before"]
    folder.write_json("manifest.json", manifest)
    assert number_shift(folder) == 0


def test_a_plan_that_is_no_number_names_the_file(shards: Folder) -> None:
    stats = shards.read_json("00001_stats.json")
    shards.write_json("00001_stats.json", {**stats, "plan": "1"})
    with pytest.raises(ValueError, match=r"00001_stats\.json: expected 'plan' to be a whole number from 0, found '1'"):
        read_rounds([shards])
    with pytest.raises(ValueError, match=r"00001_stats\.json: expected 'plan' to be a whole number from 0, found '1'"):
        finished_plans(shards)
