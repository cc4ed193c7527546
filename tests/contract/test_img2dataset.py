"""Against img2dataset itself, on the same URLs: the structure of each output format, and images by either fetcher."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from tests.support.download import Web, make_selection, picture, serving
from tests.support.process_tree import descendants, wait_until_gone
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.slow

GOOD = 4


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as found:
        found.bodies = {f"photo/{n}.jpg": picture(size=(90 + n, 60), seed=n) for n in range(GOOD)}
        yield found


def urls(web: Web) -> list[str]:
    return [web.url(f"photo/{n}.jpg") for n in range(GOOD)] + [
        web.url("status/404"), web.url("html"), web.url("robots?tag=noai"), web.url("reset"), web.url("loop"),
    ]  # fmt: skip


def ours(tmp_path: Path, web: Web, output: str, **options: object) -> Path:
    if not (tmp_path / "selection").exists():
        make_selection(str(tmp_path / "selection"), [[(url, f"caption of {url}") for url in urls(web)]])
    values: dict[str, object] = {
        "allow_private_addresses": True, "timeout_s": PATIENCE_S, "retries": 0, "image_size": 48,
        "num_decode_processes": 1,
    }  # fmt: skip
    config = DownloadConfig(
        selection=str(tmp_path / "selection"), output=str(tmp_path / output), **(values | options)  # type: ignore[arg-type]
    )  # fmt: skip
    run_download(config, [])
    return tmp_path / output


def theirs(tmp_path: Path, web: Web, output_format: str) -> Path:
    table = pa.table({"url": urls(web), "caption": [f"caption of {url}" for url in urls(web)]})
    pq.write_table(table, tmp_path / "urls.parquet")
    output = tmp_path / f"img2dataset-{output_format}"
    arguments = {
        "url_list": str(tmp_path / "urls.parquet"), "input_format": "parquet", "caption_col": "caption",
        "output_folder": str(output), "output_format": output_format, "processes_count": 1, "thread_count": 2,
        "image_size": 48, "resize_mode": "keep_ratio", "timeout": PATIENCE_S,
    }  # fmt: skip
    program = "import json, sys, img2dataset; img2dataset.download(**json.loads(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(arguments)], env={**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"},
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return output


def by_url(table: pa.Table, column: str) -> dict[str, object]:
    return dict(zip(table["url"].to_pylist(), table[column].to_pylist(), strict=True))


def test_files_lie_where_img2dataset_puts_them(tmp_path: Path, web: Web) -> None:
    mine, peer = ours(tmp_path, web, "files", output_format="files"), theirs(tmp_path, web, "files")
    found = []
    for root in (mine, peer):
        table = pq.read_table(root / "00000.parquet")
        keys = by_url(table, "key")
        images = {}
        for url, status in by_url(table, "status").items():
            files = {suffix: root / "00000" / f"{keys[url]}.{suffix}" for suffix in ("jpg", "json", "txt")}
            assert {suffix: path.exists() for suffix, path in files.items()} == dict.fromkeys(
                files, status == "success"
            )
            if status == "success":
                images[url] = (files["jpg"].read_bytes(), files["txt"].read_text())
                record = json.loads(files["json"].read_text())
                assert (record["url"], record["key"], record["caption"]) == (url, keys[url], files["txt"].read_text())
        assert len(list((root / "00000").iterdir())) == 3 * len(images)
        assert json.loads((root / "00000_stats.json").read_text())["successes"] == len(images)
        found.append(images)
    assert found[0] == found[1]
    assert len(found[0]) == GOOD


def test_the_table_holds_the_images_as_img2datasets_does(tmp_path: Path, web: Web) -> None:
    mine, peer = ours(tmp_path, web, "parquet", output_format="parquet"), theirs(tmp_path, web, "parquet")
    tables = [pq.read_table(root / "00000.parquet") for root in (mine, peer)]
    assert tables[0].schema.field("jpg").type == tables[1].schema.field("jpg").type
    for column in ("jpg", "caption", "status", "width", "height", "original_width", "original_height", "sha256"):
        assert by_url(tables[0], column) == by_url(tables[1], column), column
    assert set(tables[1].schema.names) - set(tables[0].schema.names) == {"txt"} & set(tables[1].schema.names)


def test_img2dataset_as_fetcher_gives_the_same_images_and_table(tmp_path: Path, web: Web) -> None:
    mine, peer = ours(tmp_path, web, "own"), ours(tmp_path, web, "peer", fetcher="img2dataset")
    assert (mine / "00000.tar").read_bytes() == (peer / "00000.tar").read_bytes()
    tables = [pq.read_table(root / "00000.parquet") for root in (mine, peer)]
    assert tables[0].schema == tables[1].schema
    asked = ("html", "loop", "reset", "robots?tag=noai", "status/404")
    reasons = [by_url(table, "reason") for table in tables]
    assert [[found[web.url(path)] for path in asked] for found in reasons] == [
        ["not_an_image", "too_many_redirects", "connect_failed", "opted_out", "http_error"],
        ["decode_failed", "too_many_redirects", "connect_failed", "opted_out", "http_error"],
    ]
    for column in ("key", "captions", "pair_ids", "status", "sha256", "width", "original_width", "members"):
        assert by_url(tables[0], column) == by_url(tables[1], column), column
    assert json.loads((peer / "sizes.json").read_text()) == {"00000.tar": GOOD}


def test_it_ends_with_who_started_it(tmp_path: Path, web: Web) -> None:
    pq.write_table(pa.table({"url": [web.url("never")]}), tmp_path / "urls.parquet")
    arguments = {
        "url_list": str(tmp_path / "urls.parquet"), "input_format": "parquet", "output_folder": str(tmp_path / "out"),
        "timeout": PATIENCE_S,
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.download.peer.process", json.dumps(arguments)], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        wait_until(lambda: web.requests["never"], "a request")
        started = descendants(process.pid)
        assert started
        assert process.stdin is not None
        process.stdin.close()  # as when we are killed
        assert process.wait() == -signal.SIGKILL
    wait_until_gone(started)
