"""`pipeline download --retry-failed`: what healed is joined to a finished folder, once; what did not says why."""

import json
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.balance.refill.earlier import read_rounds
from pipeline.download.again import job
from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from schemas.manifest import manifest_sha256, read_files, read_manifest
from schemas.storage import Folder
from tests.support.download import Web, make_selection, serving
from tests.support.opened_shards import keys, open_shards
from tests.support.removals import write_removals
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


def config(tmp_path: Path, web: Web, *plans: list[str], **options: object) -> DownloadConfig:
    make_selection(
        str(tmp_path / "selection"), [[(web.url(path), f"picture {path}") for path in paths] for paths in plans]
    )
    values: dict[str, object] = {"image_size": 32, "num_decode_processes": 1, "timeout_s": PATIENCE_S, "retries": 0}
    return DownloadConfig(
        selection=str(tmp_path / "selection"), output=str(tmp_path / "shards"), allow_private_addresses=True,
        **(values | options),  # type: ignore[arg-type]
    )  # fmt: skip


PLANS = (
    ["good/1", "broken_once/1", "status/404", "broken_once/2"],
    ["broken_once/3", "status/503"],
    ["good/2", "good/3"],
)


def rows(shards: Path) -> dict[str, dict]:
    tables = [path for path in sorted(shards.glob("*.parquet")) if path.name != "removals.parquet"]
    found = [row for path in tables for row in pq.read_table(path).to_pylist()]
    assert len({row["key"] for row in found}) == len(found)
    return {row["url"].split("/", 3)[3]: row for row in found}


def test_what_healed_is_joined_once_and_the_rest_says_why(
    tmp_path: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = config(tmp_path, web, *PLANS)
    shards = tmp_path / "shards"
    run_download(asked)
    assert {name for name, row in rows(shards).items() if row["status"] == "success"} == {"good/1", "good/2", "good/3"}
    tars = {path.name: path.read_bytes() for path in shards.glob("*.tar")}
    before = manifest_sha256(Folder(str(shards)))
    command = ["download", "--selection", asked.selection, "--output", asked.output, "--image-size", "32",
               "--num-decode-processes", "1", "--retries", "0", "--timeout-s", str(PATIENCE_S),
               "--allow-private-addresses"]  # fmt: skip
    main(command)
    assert "4 images may heal: the command of before with --retry-failed" in capsys.readouterr().out
    web.bodies["status/503"] = b"no picture"
    requests = dict(web.requests)
    main([*command, "--retry-failed"])
    said = capsys.readouterr().out
    assert "may heal" not in said
    assert {path: web.requests[path] - requests.get(path, 0) for path in web.requests} == {
        "good/1": 0, "good/2": 0, "good/3": 0, "status/404": 0, "status/503": 1,
        "broken_once/1": 1, "broken_once/2": 1, "broken_once/3": 1,
    }  # fmt: skip
    found = rows(shards)
    assert {name: row["reason"] for name, row in found.items() if row["status"] != "success"} == {
        "status/404": "http_error", "status/503": "not_an_image"
    }  # fmt: skip
    assert {path.name: path.read_bytes() for path in shards.glob("*.tar")}.items() >= tars.items()
    assert sorted(path.name for path in shards.glob("*.tar")) == [
        f"{number:05d}.tar" for number in range(len(tars) + 1)
    ]
    healed = {row["key"] for name, row in found.items() if name.startswith("broken_once")}
    with tarfile.open(shards / f"{len(tars):05d}.tar") as tar:
        assert {name.partition(".")[0] for name in tar.getnames()} == healed
    rejected = [row for path in sorted((shards / "rejections").glob("*")) for row in pq.read_table(path).to_pylist()]
    assert {row["value"].split("/", 3)[3]: row["reason"] for row in rejected} == {
        "status/404": "http_error", "status/503": "not_an_image"
    }  # fmt: skip
    folder = Folder(str(shards))
    manifest = read_manifest(folder, "shards")
    assert (manifest["rows"], manifest["summary"]["images_healed"], manifest["succeeds"]) == (6, 3, [before])
    for record in read_files(folder):
        folder.check_file(record)
    assert len(keys(open_shards(shards))) == 6
    main(["index", str(shards)])
    assert not (shards / job.WORK).exists()
    rounds = read_rounds([folder])
    assert (rounds.num_plans, rounds.num_shards) == (3, len(tars) + 1)
    assert len(rounds.stored_images) == 6
    counts = pq.read_table(shards / "tables" / "query_counts.parquet")
    of_healed = [query for row in found.values() if row["key"] in healed for ids in row["query_ids"] for query in ids]
    assert counts["fetched"].to_pylist() == [of_healed.count(query) for query in counts["query_id"].to_pylist()]
    assert sum(json.loads((shards / "sizes.json").read_text()).values()) == 6
    written = {path: path.read_bytes() for path in shards.rglob("*") if path.is_file()}
    main([*command, "--retry-failed"])
    assert {path: path.read_bytes() for path in shards.rglob("*") if path.is_file()} == written


@pytest.mark.slow
def test_what_has_healed_goes_into_further_shards_round_by_round(tmp_path: Path, web: Web) -> None:
    asked = config(tmp_path, web, ["status/503", "broken_once/1"], ["status/500"])
    manifest, _ = run_download(asked)
    assert manifest["rows"] == 0
    again = replace(asked, retry_failed=True)
    assert run_download(again)[0]["rows"] == 1
    for path in ("status/503", "status/500"):
        web.bodies[path] = b"".join(member for member in _picture_of(tmp_path / "shards"))
    assert run_download(again)[0]["rows"] == 3
    names = sorted(path.name for path in (tmp_path / "shards").glob("*.tar"))
    assert names == ["00000.tar", "00001.tar"]
    plans = [json.loads(path.read_text())["plan"] for path in sorted((tmp_path / "shards").glob("0*_stats.json"))]
    assert plans == [1_000_000_000, 1_000_000_001]
    assert len(rows(tmp_path / "shards")) == 3


def _picture_of(shards: Path) -> Iterator[bytes]:
    with tarfile.open(shards / "00000.tar") as tar:
        member = tar.extractfile(next(name for name in tar.getnames() if name.endswith(".jpg")))
        assert member is not None
        yield member.read()


class Killed(BaseException):
    """As a SIGKILL would end it."""


def test_killed_between_fetching_and_joining_nothing_is_fetched_twice(
    tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = replace(config(tmp_path, web, *PLANS), retry_failed=True)
    run_download(replace(asked, retry_failed=False))
    with monkeypatch.context() as patch:
        patch.setattr(job, "rewrite", _killed)
        with pytest.raises(Killed):
            run_download(asked)
    requests = web.requests.total()
    manifest, _ = run_download(asked)
    assert web.requests.total() == requests
    assert manifest["rows"] == 6
    assert not list((tmp_path / "shards").glob("*.work"))


def _killed(rewritings: object) -> None:
    raise Killed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image_size": 48}, "--image-size: the images in"),
        ({"selection": "other"}, "was not made of it"),
        ({"output": "absent"}, "no such folder; expected a finished shards folder"),
    ],
    ids=["size", "selection", "absent"],
)
def test_another_folder_or_other_options_are_refused(tmp_path: Path, web: Web, change: dict, told: str) -> None:
    asked = config(tmp_path, web, ["broken_once/1"])
    run_download(asked)
    shutil.copytree(tmp_path / "selection", tmp_path / "other")
    (tmp_path / "other" / "manifest.json").write_bytes((tmp_path / "other" / "manifest.json").read_bytes() + b"\n")
    paths = {name: str(tmp_path / value) for name, value in change.items() if isinstance(value, str)}
    requests = web.requests.total()
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        run_download(replace(asked, retry_failed=True, **(change | paths)))
    assert web.requests.total() == requests


def test_what_was_removed_is_not_fetched_into_an_unfinished_folder(tmp_path: Path, web: Web) -> None:
    asked = config(tmp_path, web, ["good/1", "good/2", "good/4"], ["status/404"], max_failed_fraction=0.0)
    with pytest.raises(ValueError, match="more than max_failed_fraction"):
        run_download(asked)
    shards = tmp_path / "shards"
    before = rows(shards)
    write_removals(shards, {"image_id": before["good/1"]["image_id"]}, {"sha256": before["good/2"]["sha256"]})
    (shards / "00000_stats.json").unlink()
    requests = web.requests["good/1"]
    run_download(replace(asked, max_failed_fraction=1.0))
    assert web.requests["good/1"] == requests
    after = rows(shards)
    twins = {name for name, row in before.items() if row["sha256"] == before["good/2"]["sha256"]}
    assert {name for name, row in after.items() if row["reason"] == "removed"} == {"good/1", *twins}
    assert not any(after[name]["sha256"] for name in twins)
