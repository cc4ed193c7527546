"""The download job on answers as odd as real hosts write them: the same picture from all, true reasons for the rest."""

import tarfile
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from tests.support.download import make_selection
from tests.support.odd_answers import GOOD, MALFORMED, answer
from tests.support.raw_server import raw_server
from tests.support.waiting import PATIENCE_S


def test_odd_answers_give_the_picture_and_malformed_ones_are_asked_for_once(tmp_path: Path) -> None:
    with raw_server(GOOD | MALFORMED | {"plain": answer()}) as server:
        urls = {server.url(name): name for name in [*GOOD, *MALFORMED, "plain"]}
        make_selection(str(tmp_path / "selection"), [[(url, "x") for url in urls]])
        config = DownloadConfig(
            selection=str(tmp_path / "selection"), output=str(tmp_path / "shards"), allow_private_addresses=True,
            timeout_s=PATIENCE_S, retries=2, num_decode_processes=1, image_size=32, policy="headers-only",
        )  # fmt: skip
        run_download(config)
        asked = {name: server.requests[name] for name in urls.values()}
    rows = pq.read_table(tmp_path / "shards" / "00000.parquet").to_pylist()
    found = {urls[row["url"]]: (row["reason"], row["retryable"]) for row in rows}
    assert {name: found[name][0] for name in [*GOOD, "plain"]} == dict.fromkeys([*GOOD, "plain"])
    assert {name: found[name] for name in MALFORMED} == dict.fromkeys(MALFORMED, ("answer_malformed", False))
    assert asked == dict.fromkeys(asked, 1)
    with tarfile.open(tmp_path / "shards" / "00000.tar") as shard:
        pictures = {shard.extractfile(member).read() for member in shard if member.name.endswith(".jpg")}  # type: ignore[union-attr]
    assert len(pictures) == 1
