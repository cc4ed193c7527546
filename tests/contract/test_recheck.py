"""`pipeline download --recheck`: what became of stored images, told once, honoured by all that reads the folder."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.balance.refill.earlier import read_rounds
from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from pipeline.download.recheck import job
from schemas.buffers import sortable_ids
from schemas.manifest import manifest_sha256, read_files
from schemas.removals import removed_images
from schemas.storage import Folder
from tests.support.download import Web, make_selection, picture, serving
from tests.support.opened_shards import blocks_of, open_shards
from tests.support.removals import write_removals

PATHS = (["good/1", "good/2", "good/3", "status/404"], ["good/4", "good/5", "good/6"])
DAY = ["--since", "2026-11-05"]


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


@pytest.fixture
def made(tmp_path: Path, web: Web) -> DownloadConfig:
    selection = [[(web.url(path), f"picture {path}") for path in paths] for paths in PATHS]
    make_selection(str(tmp_path / "selection"), selection)
    config = DownloadConfig(
        selection=str(tmp_path / "selection"), output=str(tmp_path / "shards"), allow_private_addresses=True,
        image_size=32, num_decode_processes=1, timeout_s=2.0, retries=0, placeholder_urls=0,
    )  # fmt: skip
    run_download(config)
    return config


def command(config: DownloadConfig, *more: str) -> list[str]:
    return ["download", "--selection", config.selection, "--output", config.output, "--allow-private-addresses",
            "--image-size", "32", "--num-decode-processes", "1", "--timeout-s", "2", "--retries", "0",
            "--placeholder-urls", "0", "--recheck", *DAY, *more]  # fmt: skip


def keys_by_path(config: DownloadConfig) -> dict[str, str]:
    found = [row for path in Path(config.output).glob("0*.parquet") for row in pq.read_table(path).to_pylist()]
    return {row["url"].split("/", 3)[3]: row["key"] for row in found}


def told(config: DownloadConfig, number: int = 0) -> dict[str, dict[str, Any]]:
    names = {key: path for path, key in keys_by_path(config).items()}
    rows = pq.read_table(Path(config.output) / f"rechecks/{number:05d}.parquet").to_pylist()
    assert len({row["key"] for row in rows}) == len(rows)
    return {names[row["key"]]: row for row in rows}


def noted(config: DownloadConfig, name: str = "00000.json") -> dict[str, Any]:
    return json.loads((Path(config.output) / "rechecks" / name).read_bytes())


def used(shards: Path) -> set[str]:
    """Return the keys of the samples that the trainer uses."""
    return {
        block.key(row)
        for block in blocks_of(open_shards(shards))
        for row in range(len(block))
        if row not in block.faults
    }


def change(web: Web) -> None:
    """Let each image come to another end; good/1 stays."""
    web.gone = {"good/2": 404, "good/4": 503}
    web.bodies["good/3"] = picture(seed=5, size=(90, 50))
    web.tags["good/5"] = "noai"
    web.bodies["good/6"] = b"<!doctype html>this image has moved"


def test_each_end_is_told_and_what_is_opted_out_is_used_no_more(
    made: DownloadConfig, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    shards, folder = Path(made.output), Folder(made.output)
    before = manifest_sha256(folder)
    tars = {path.name: path.read_bytes() for path in shards.glob("*.tar")}
    change(web)
    web.bodies["robots.txt"] = b"User-agent: GPTBot\nDisallow: /good/\n"
    requests = web.requests["status/404"]
    main(command(made))
    said = capsys.readouterr().out
    assert "pipeline remove --shards" in said
    assert web.requests["status/404"] == requests
    found = told(made)
    ends = {path: (row["status"], row["reason"], row["http_status"]) for path, row in found.items()}
    assert ends == {
        "good/1": ("alive_same", None, 200), "good/2": ("gone", "http_error", 404),
        "good/3": ("alive_changed", None, 200), "good/4": ("may_heal", "http_error", 503),
        "good/5": ("opted_out", "opted_out", 200), "good/6": ("gone", "not_an_image", 200),
    }  # fmt: skip
    assert found["good/5"]["policy_rule"] == "header: x-robots-tag=disallowed"
    counts = noted(made)
    assert counts["day"] == "2026-11-05"
    assert counts["disallowed_for_ai_crawlers"] == {"images": 6, "hosts": 1}
    assert counts["disallowed_for_ai_crawlers_but_served"] == {"images": 2, "hosts": 1}
    assert manifest_sha256(folder) == before
    assert {path.name: path.read_bytes() for path in shards.glob("*.tar")} == tars
    assert not (shards / job.WORK).exists()
    removals = pq.read_table(shards / "removals.parquet").to_pylist()
    assert [(row["image_id"].hex(), row["reason"], str(row["since"])) for row in removals] == [
        (found["good/5"]["key"], "opted_out", "2026-11-05")
    ]
    assert used(shards) == {row["key"] for row in found.values()} - {found["good/5"]["key"]}
    rounds = read_rounds([folder])
    failed = {tuple(words) for words in rounds.earlier.failed_images.tolist()}
    assert {tuple(words) for words in sortable_ids(removed_images(folder)).tolist()} <= failed


def test_an_image_opted_out_before_is_told_again_and_not_asked(made: DownloadConfig, web: Web) -> None:
    web.tags["good/5"] = "noai"
    main(command(made))
    removals = (Path(made.output) / "removals.parquet").read_bytes()
    web.tags.clear()
    requests = web.requests["good/5"]
    main(command(made, "--since", "2026-12-05"))
    assert web.requests["good/5"] == requests
    row = told(made, 1)["good/5"]
    assert (row["status"], row["reason"]) == ("opted_out", "removed")
    assert (noted(made, "00001.json")["images"], noted(made, "00001.json")["opted_out_new"]) == (6, 0)
    assert (Path(made.output) / "removals.parquet").read_bytes() == removals
    days = [point["day"] for point in noted(made, "curve.json")["points"]]
    assert days[1:] == ["2026-11-05", "2026-12-05"]


def test_robots_txt_that_forbids_by_now_and_a_server_that_is_silent(made: DownloadConfig, web: Web) -> None:
    web.bodies["robots.txt"] = b"User-agent: *\nDisallow: /good/1\n"
    web.silent.add("good/2")
    requests = web.requests["good/1"]
    main([*command(made), "--timeout-s", "0.5"])
    found = told(made)
    assert web.requests["good/1"] == requests
    assert (found["good/1"]["status"], found["good/1"]["policy_decision"]) == ("opted_out", "forbid")
    assert (found["good/2"]["status"], found["good/2"]["reason"]) == ("may_heal", "timed_out")
    assert {found[f"good/{number}"]["status"] for number in range(3, 7)} == {"alive_same"}


def test_heads_alone_do_not_tell_what_is_in_bodies(made: DownloadConfig, web: Web) -> None:
    change(web)
    main(command(made, "--recheck-heads-only"))
    ends = {path: (row["status"], row["sha256"]) for path, row in told(made).items()}
    assert ends == {
        "good/1": ("alive", None), "good/2": ("gone", None), "good/3": ("alive", None), "good/4": ("may_heal", None),
        "good/5": ("opted_out", None), "good/6": ("alive", None),
    }  # fmt: skip
    assert noted(made)["body_bytes"] == 0


class Killed(BaseException):
    """As a SIGKILL would end it."""


@pytest.mark.parametrize("moment", ["join_recheck", "note_opted_out", "write_curve"])
def test_killed_it_goes_on_and_asks_nothing_twice(
    made: DownloadConfig, web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moment: str
) -> None:
    change(web)
    twin = tmp_path / "twin"
    shutil.copytree(made.output, twin)
    whole = replace(made, output=str(twin))
    main(command(whole))
    with monkeypatch.context() as patch:
        patch.setattr(job, moment, _killed)
        with pytest.raises(Killed):
            main(command(made))
    requests = web.requests.copy()
    if moment == "write_curve":  # all but the drawing was done: the same command is another recheck
        main(command(made))
        assert [point["day"] for point in noted(made, "curve.json")["points"]][1:] == ["2026-11-05"] * 2
        return
    main(command(made))
    assert web.requests == requests
    assert written(made) == written(whole)
    assert not (Path(made.output) / job.WORK).exists()


def _killed(*arguments: object) -> None:
    raise Killed


def written(config: DownloadConfig) -> dict[str, bytes]:
    """Return what a recheck writes."""
    shards = Path(config.output)
    found = {path.name: path.read_bytes() for path in (shards / "rechecks").iterdir()}
    assert sorted(found) == ["00000.json", "00000.parquet", "curve.json", "curve.svg"]
    return found | {"removals": (shards / "removals.parquet").read_bytes()}


def test_a_sample_is_told_with_intervals(made: DownloadConfig) -> None:
    main(command(made, "--recheck-sample", "2"))
    few = set(told(made))
    main(command(made, "--recheck-sample", "4"))
    more = set(told(made, 1))
    assert (len(few), len(more)) == (2, 4)
    assert few < more
    point = noted(made, "curve.json")["points"][1]
    assert point["shares"]["alive"] == 1.0
    low, high = point["intervals"]["alive"]
    assert 0.3 < low < 0.4
    assert high == 1.0


def test_what_is_opted_out_is_taken_out_without_a_list(made: DownloadConfig, web: Web) -> None:
    before = keys_by_path(made)
    write_removals(Path(made.output), {"image_id": bytes.fromhex(before["good/2"])})
    web.tags["good/5"] = "noai"
    main(command(made))
    assert "good/2" not in told(made)
    main(["remove", "--shards", made.output, "--opted-out", "--since", "2026-11-06"])
    assert keys_by_path(made).keys() == before.keys() - {"good/5"}
    folder = Folder(made.output)
    for record in read_files(folder):
        folder.check_file(record)
    assert {row["reason"] for row in pq.read_table(Path(made.output) / "removals.parquet").to_pylist()} == {
        "asked for", "opted_out"
    }  # fmt: skip
    key = before["good/5"].encode()
    assert not any(key in path.read_bytes() for path in Path(made.output).rglob("*") if path.is_file())
    main(command(made))
    assert noted(made, "00001.json")["statuses"]["opted_out"] == 1
    assert noted(made, "00001.json")["images"] == 5


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--output", "absent"], "expected a finished shards folder"),
        (["--selection", "other"], "was not made of it"),
        (["--since", "2026-02-31"], "since: "),
    ],
    ids=["absent", "selection", "day"],
)
def test_what_cannot_be_is_refused_in_one_line(
    made: DownloadConfig, web: Web, capsys: pytest.CaptureFixture[str], more: list[str], line: str
) -> None:
    parent = Path(made.output).parent
    make_selection(str(parent / "other"), [[(web.url("good/9"), "another")]])
    more = [str(parent / value) if value in ("absent", "other") else value for value in more]
    requests = web.requests.total()
    with pytest.raises(SystemExit) as ended:
        main(command(made, *more))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert web.requests.total() == requests
    assert not (Path(made.output) / "rechecks").exists()


def test_the_fetcher_must_be_ours(made: DownloadConfig, capsys: pytest.CaptureFixture[str]) -> None:
    peer = ["--fetcher", "img2dataset", "--policy", "headers-only", "--allow-private-addresses"]
    with pytest.raises(SystemExit):
        main(["download", "--selection", made.selection, "--output", made.output, "--recheck", *peer])
    assert "--recheck: expected --fetcher own" in capsys.readouterr().err


def test_killed_while_it_asks_what_is_asked_stays(
    made: DownloadConfig, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "IMAGES_PER_PLAN", 1)
    with monkeypatch.context() as patch:
        patch.setattr(job, "join_recheck", _killed)
        with pytest.raises(Killed):
            main(command(made))
    work = Path(made.output) / job.WORK
    assert len(list(work.glob("*_stats.json"))) == 2
    (work / "00001_stats.json").unlink()
    requests = web.requests.copy()
    main(command(made))
    assert {path for path in web.requests if web.requests[path] > requests[path]} == set(PATHS[1])
    assert noted(made)["statuses"]["alive_same"] == 6


@pytest.mark.parametrize("kind", ["files", "parquet"])
def test_folders_of_other_formats_are_asked_too(tmp_path: Path, web: Web, kind: str) -> None:
    make_selection(str(tmp_path / "selection"), [[(web.url(path), path) for path in PATHS[0]]])
    config = DownloadConfig(
        selection=str(tmp_path / "selection"), output=str(tmp_path / "shards"), allow_private_addresses=True,
        image_size=32, num_decode_processes=1, retries=0, placeholder_urls=0, output_format=kind,  # type: ignore[arg-type]
    )  # fmt: skip
    run_download(config)
    web.gone["good/2"] = 410
    main(command(config))
    statuses = noted(config)["statuses"]
    assert (statuses["alive_same"], statuses["gone"]) == (2, 1)
