"""The download job on Beam's local runner, from a selection folder to a finished shards folder, over real HTTP."""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.finish import finish_shards
from pipeline.download.job import download_shards, run_download
from pipeline.download.shard.plan import shard_plans
from pipeline.download.steps import MakeShard
from schemas.manifest import read_files, read_manifest
from schemas.run_record import FolderConflict
from schemas.storage import Folder
from tests.support.download import Web, make_selection, picture, serving
from tests.support.made_shards import make_shards
from tests.support.waiting import PATIENCE_S

FAULTS = {
    "status/404": "http_error", "status/500": "http_error", "truncated": "body_truncated", "endless": "body_too_large",
    "gzip_bomb": "body_too_large", "html": "not_an_image", "loop": "too_many_redirects", "robots?tag=noai": "opted_out",
    "bomb": "too_many_pixels", "reset": "connect_failed",
}  # fmt: skip
"""What no deadline decides."""


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


def config(tmp_path: Path, output: str = "shards", **options: object) -> DownloadConfig:
    values: dict[str, object] = {
        "allow_private_addresses": True, "timeout_s": PATIENCE_S, "retries": 1, "max_body_bytes": 4 << 20,
        "num_decode_processes": 1, "image_size": 32, "policy": "headers-only",
    }  # fmt: skip
    return DownloadConfig(
        selection=str(tmp_path / "selection"), output=str(tmp_path / output), **(values | options)  # type: ignore[arg-type]
    )  # fmt: skip


def data_files(folder: Path) -> dict[str, bytes]:
    """Return what must be the same after every run: not the run's record, not the clocks."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json" and not path.name.endswith("_stats.json")
    }


def test_above_10_000_rows_an_agent_without_a_contact_is_refused_before_the_first_request(
    tmp_path: Path, web: Web
) -> None:
    make_selection(str(tmp_path / "selection"), [[(web.url(f"good/{n % 3}"), f"{n}") for n in range(10_001)]])
    with pytest.raises(ValueError, match=r"has 10,001 rows.*--user-agent"):
        run_download(config(tmp_path))
    assert not web.requests
    assert not (tmp_path / "shards").exists()


def test_every_image_has_its_stated_outcome(tmp_path: Path, web: Web) -> None:
    good = [(web.url(f"good/{number}"), f"picture {number}") for number in range(20)]
    good += [(web.url("busy"), "429 first"), (web.url("broken_once"), "500 first")]
    rows = good + [(web.url("good/0"), "a second caption")] + [(web.url(path), path) for path in FAULTS]
    make_selection(str(tmp_path / "selection"), [rows])
    manifest, _ = run_download(config(tmp_path))
    table = pq.read_table(tmp_path / "shards" / "00000.parquet").to_pylist()
    assert {row["url"].removeprefix(web.url("")): row["reason"] for row in table} == FAULTS | {
        url.removeprefix(web.url("")): None for url, _ in good
    }
    assert [row["key"] for row in table] == sorted(row["key"] for row in table)
    assert manifest["rows"] == len(good)
    assert manifest["summary"]["images_planned"] == len(good) + len(FAULTS)
    assert json.loads((tmp_path / "shards" / "sizes.json").read_text()) == {"00000.tar": len(good)}
    rejected = pq.read_table(tmp_path / "shards" / "rejections" / "00000.parquet").to_pylist()
    assert {row["value"].removeprefix(web.url("")): row["reason"] for row in rejected} == FAULTS
    stats = json.loads((tmp_path / "shards" / "00000_stats.json").read_text())
    assert (stats["count"], stats["successes"], stats["failed_to_resize"]) == (len(table), len(good), 2)
    assert web.requests["status/500"] == 2
    assert web.requests["status/404"] == 1
    assert web.requests["good/0"] == 1
    for record in read_files(Folder(str(tmp_path / "shards"))):
        assert (tmp_path / "shards" / record.name).stat().st_size == record.bytes


def test_what_never_comes_is_given_up_and_costs_no_other(tmp_path: Path, web: Web) -> None:
    """The others are local images, which no deadline decides on a slow machine."""
    (tmp_path / "0.jpg").write_bytes(picture())
    local = {"root": "p", "member": "0.jpg", "offset": None, "length": None}
    rows = [(web.url("never"), "x"), (web.url("drip"), "y"), (local, "z")]
    make_selection(str(tmp_path / "selection"), [rows], roots={"p": str(tmp_path)})
    manifest, _ = run_download(config(tmp_path, timeout_s=0.5))
    assert manifest["summary"]["outcomes"] == {"success": 1, "timed_out": 2}
    rejected = pq.read_table(tmp_path / "shards" / "rejections" / "00000.parquet").to_pylist()
    assert {row["value"].removeprefix(web.url("")): row["reason"] for row in rejected} == {
        "never": "timed_out", "drip": "timed_out",
    }  # fmt: skip


def test_private_addresses_are_not_asked_by_default(tmp_path: Path, web: Web) -> None:
    make_selection(str(tmp_path / "selection"), [[(web.url("good/1"), "x")]])
    manifest, _ = run_download(config(tmp_path, allow_private_addresses=False))
    assert manifest["summary"]["outcomes"] == {"private_address": 1}
    assert sum(web.requests.values()) == 0


def test_local_images_need_no_request(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(3):
        (photos / f"{number}.jpg").write_bytes(picture(seed=number))
    rows = [({"root": "p", "member": f"{number}.jpg", "offset": None, "length": None}, "x") for number in range(4)]
    make_selection(str(tmp_path / "selection"), [rows], roots={"p": str(photos)})
    manifest, _ = run_download(config(tmp_path))
    assert manifest["summary"]["outcomes"] == {"image_missing": 1, "success": 3}
    moved = photos.rename(tmp_path / "moved")
    again, _ = run_download(config(tmp_path, "again", image_root=(f"p={moved}",)))
    assert again["summary"]["outcomes"] == manifest["summary"]["outcomes"]


def test_a_resumed_run_fetches_only_what_is_missing_and_gives_the_same_bytes(tmp_path: Path, web: Web) -> None:
    shards = [[(web.url(f"good/{shard}/{number}"), "x") for number in range(5)] for shard in range(3)]
    make_selection(str(tmp_path / "selection"), shards)
    run_download(config(tmp_path))
    expected = data_files(tmp_path / "shards")
    folder = tmp_path / "shards"
    for name in ("00001_stats.json", "manifest.json", "tables/files.parquet", "00001.tar"):
        (folder / name).unlink()
    (folder / ".tmp-123-00001.tar").write_bytes(b"half")
    web.requests.clear()
    run_download(config(tmp_path))
    assert data_files(folder) == expected
    assert set(web.requests) == {f"good/1/{number}" for number in range(5)}
    web.requests.clear()
    run_download(config(tmp_path))  # finished: nothing to do
    assert not web.requests
    with pytest.raises(FolderConflict, match="image_size"):
        run_download(config(tmp_path, image_size=64))


def test_two_worker_processes_give_the_same_bytes_and_leave_no_process(tmp_path: Path, web: Web) -> None:
    shards = [[(web.url(f"good/{shard}/{number}"), "x") for number in range(4)] for shard in range(3)]
    make_selection(str(tmp_path / "selection"), shards)
    run_download(config(tmp_path))
    run_download(config(tmp_path, "two"), ["--direct_num_workers=2", "--direct_running_mode=multi_processing"])
    one, two = data_files(tmp_path / "shards"), data_files(tmp_path / "two")
    assert one == two
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    assert not [command for command in commands if b"decode_worker" in command]


def test_a_refill_continues_the_shard_numbers(tmp_path: Path, web: Web) -> None:
    """In the same folder and in one of its own; plan 0 brings no image, so the numbers are behind by one."""
    rows = [[(web.url("status/404"), "y")], [(web.url("good/1"), "x")], [(web.url("good/3"), "z")]]
    first = make_selection(str(tmp_path / "selection"), rows)
    again = [[(web.url("good/1"), "further", {"stored": True}), (web.url("good/2"), "z")]]
    refill = make_selection(str(tmp_path / "refill"), again, first_shard=3, before=2)
    shards = Folder(str(tmp_path / "shards"))
    for selection, expected in ((first, (3, 2)), (refill, (1, 1))):
        report = download_shards(selection, shards, config(tmp_path), [], {})
        assert (report.shards, report.successes) == expected
    finish_shards(shards, [first, refill], "identity")
    manifest = read_manifest(shards, "shards")
    assert shards.read_json("sizes.json") == {"00000.tar": 1, "00001.tar": 1, "00002.tar": 1}
    assert len(manifest["summary"]["selections"]) == 2
    assert manifest["summary"]["further_captions"] == manifest["summary"]["plans_without_images"] == 1
    run_download(dataclasses.replace(config(tmp_path, "of-its-own"), selection=refill.url))
    of_its_own = Folder(str(tmp_path / "of-its-own"))
    assert of_its_own.read_json("sizes.json") == {"00002.tar": 1}
    assert of_its_own.names("further_captions") == ["further_captions/00003.parquet"]
    assert web.requests == {"status/404": 1, "good/1": 1, "good/3": 1, "good/2": 2}


def test_only_further_captions_make_no_tar_and_no_request(tmp_path: Path, web: Web) -> None:
    make_selection(str(tmp_path / "selection"), [[(web.url("good/1"), "x", {"stored": True})]], first_shard=4)
    manifest, _ = run_download(config(tmp_path))
    assert not web.requests
    assert (manifest["summary"]["shards"], manifest["summary"]["images_planned"]) == (0, 0)
    table = pq.read_table(tmp_path / "shards" / "further_captions" / "00004.parquet")
    assert table["captions"].to_pylist() == [["x"]]


def test_holes_are_filled_the_same_by_one_and_two_processes_and_after_a_kill(tmp_path: Path, web: Web) -> None:
    one = make_shards(tmp_path, web)
    assert [path.name for path in one.tars] == ["00000.tar", "00001.tar", "00002.tar"]
    two = make_shards(tmp_path, web, ("--direct_num_workers=2", "--direct_running_mode=multi_processing"), "two")
    assert data_files(one.folder) == data_files(two.folder)
    # As if killed when the shard of plan 3 had been committed under its new number, and not deleted under the old one.
    for suffix in (".tar", ".parquet"):
        shutil.copy(two.folder / f"00001{suffix}", two.folder / f"00003{suffix}")
    moved = json.loads((two.folder / "00001_stats.json").read_text())
    for record in moved["files"]:
        record["name"] = record["name"].replace("00001.", "00003.")
    (two.folder / "00003_stats.json").write_text(json.dumps(moved))
    (two.folder / "manifest.json").unlink()
    web.requests.clear()
    make_shards(tmp_path, web, output="two")
    assert not web.requests
    assert data_files(one.folder) == data_files(two.folder)


def test_a_job_that_outlives_its_launcher_changes_nothing(tmp_path: Path, web: Web) -> None:
    """What it is still told to make is made already, or the folder is finished."""
    selection = make_selection(str(tmp_path / "selection"), [[(web.url("good/1"), "x")], [(web.url("good/2"), "x")]])
    run_download(config(tmp_path))
    expected = data_files(tmp_path / "shards")
    web.requests.clear()
    step = MakeShard(str(tmp_path / "shards"), config(tmp_path), ())
    step.setup()
    try:
        for state in ("finished", "unfinished"):
            step.start_bundle()
            for plan in shard_plans(selection, 0):
                step.process(plan)
            step.finish_bundle()
            if state == "finished":
                (tmp_path / "shards" / "manifest.json").unlink()
    finally:
        step.teardown()
    assert not web.requests
    assert data_files(tmp_path / "shards") == {name: expected[name] for name in expected if name != "manifest.json"}


def test_too_many_failures_end_the_run(tmp_path: Path, web: Web) -> None:
    make_selection(str(tmp_path / "selection"), [[(web.url("status/404"), "x"), (web.url("good/1"), "y")]])
    with pytest.raises(ValueError, match="1 of 2 images"):
        run_download(config(tmp_path, max_failed_fraction=0.4))
    assert not (tmp_path / "shards" / "manifest.json").exists()
