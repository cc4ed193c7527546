"""A web of which three in ten URLs are faulty, fetched by a command that is killed again and again: nothing is lost,
nothing comes twice, and the bytes are those of an undisturbed run.

Faults are decided by the URL alone. All is marked slow, since each start of the command costs seconds: 300 URLs and one
kill, 10,000 and 5, 100,000 and 50. CI kills `pipeline download` in test_download_killed.
"""

import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import parse
from pipeline.download.job import run_download
from tests.support.download import make_selection
from tests.support.faulty_web import FAULTS, FaultyWeb, faulty_web
from tests.support.folder_bytes import folder_bytes
from tests.support.killing import killed_at, run_to_end
from tests.support.waiting import PATIENCE_S

NUM_HOSTS = 500
NUM_SHARDS = 20
FILES_PER_SHARD = 4


def way_of(number: int) -> str:
    """Return how URL `number` behaves: three in ten are faulty, one in fifty is so at the first request only."""
    if number % 10 < 3:
        return list(FAULTS)[number // 10 % len(FAULTS)]
    return "once" if number % 50 == 49 else "good"


@pytest.fixture(scope="module")
def web() -> Iterator[FaultyWeb]:
    with faulty_web() as found:
        yield found


def command(root: Path, output: Path) -> list[str]:
    return [
        sys.executable, "-m", "pipeline", "download", "--selection", str(root / "selection"), "--output", str(output),
        "--image-size", "16", "--num-decode-processes", "1", "--allow-private-addresses", "--retries", "1",
        "--timeout-s", str(PATIENCE_S), "--max-body-bytes", str(1 << 20),
        "--user-agent", "FaultTest/1.0 (faults@example.org)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("num_urls", "num_kills"),
    [
        pytest.param(300, 1, marks=pytest.mark.slow),
        pytest.param(10_000, 5, marks=pytest.mark.slow),
        pytest.param(100_000, 50, marks=pytest.mark.slow),
    ],
)
def test_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path, web: FaultyWeb, num_urls: int, num_kills: int) -> None:
    urls = [web.url(number * 7 % NUM_HOSTS, way_of(number), number) for number in range(num_urls)]
    pairs = [(url, f"caption of {url}") for url in urls]
    make_selection(str(tmp_path / "selection"), [pairs[shard::NUM_SHARDS] for shard in range(NUM_SHARDS)])
    run_download(parse(command(tmp_path, tmp_path / "undisturbed")[3:]).download())
    killed = 0
    for kill in range(num_kills):
        done = (kill + 1) / (num_kills + 1) * NUM_SHARDS * FILES_PER_SHARD
        killed += killed_at(command(tmp_path, tmp_path / "killed"), tmp_path / "killed", done, 0)
    run_to_end(command(tmp_path, tmp_path / "killed"))
    assert killed > 0
    assert folder_bytes(tmp_path / "killed") == folder_bytes(tmp_path / "undisturbed")

    reasons = {row["url"]: row["reason"] for row in rows_of(tmp_path / "killed")}
    assert len(reasons) == num_urls
    assert sum(1 for _ in rows_of(tmp_path / "killed")) == num_urls
    assert {url: FAULTS.get(way_of(number)) for number, url in enumerate(urls)} == reasons
    members: Counter[str] = Counter()
    for path in sorted((tmp_path / "killed").glob("*.tar")):
        with tarfile.open(path) as shard:
            members.update(shard.getnames())
    assert max(members.values()) == 1
    assert len(members) == 3 * sum(reason is None for reason in reasons.values())


def rows_of(folder: Path) -> Iterator[dict[str, str | None]]:
    """Yield URL and reason of each row."""
    for path in sorted(folder.glob("*.parquet")):
        yield from pq.read_table(path, columns=["url", "reason"]).to_pylist()
