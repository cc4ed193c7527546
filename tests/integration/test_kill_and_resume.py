"""`pipeline run` killed with SIGKILL at random moments and resumed: the same bytes, little done twice.

Real processes, a real HTTP server that counts requests, pictures and failures of the demo's world.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import webdataset as wds

from pipeline.download.steps import SHARDS_AT_ONCE
from tests.conftest import write_queries
from tests.demo.outcome import EXPECTED_REASONS
from tests.demo.server import Server, serving
from tests.demo.world import World, write_table
from tests.support.folder_bytes import folder_bytes
from tests.support.killing import killed_at, run_to_end

SAMPLES_PER_SHARD = 40
PORTS = range(8574, 8674)
"""The first that is free: URLs, and so ids, are the same in nearly every run. What is asked for holds for any."""
KILLS = 5
TWO_PROCESSES = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")

WORDS = ["red", "blue", "green", "white", "black", "circle", "square", "star", "triangle", "heart", "ring", "cross",
         "arrow", "background", "a", "of", "on", "small", "big", "red star", "blue circle"]  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Server]]:
    root = tmp_path_factory.mktemp("kill")
    small = World(
        num_images=500, num_failing=3, num_without_query=20, num_duplicates=20, num_broken=3, num_evaluation=1,
    )  # fmt: skip
    with ExitStack() as stack:
        server = None
        for port in PORTS:
            with suppress(RuntimeError):  # somebody else's
                server = stack.enter_context(serving(replace(small, port=port)))
                break
        assert server is not None, "no port is free"
        write_table(server.world, root / "table")
        write_queries(root / "queries", WORDS)
        yield root, server


def command(root: Path, output: Path, *beam_args: str) -> list[str]:
    return [
        sys.executable, "-m", "pipeline", "run", "--input", f"{root}/table/*.parquet", "--queries", f"{root}/queries",
        "--output", str(output), "--max-pairs-per-query", "60", "--samples-per-shard", str(SAMPLES_PER_SHARD),
        "--image-size", "32", "--timeout-s", "10", "--retries", "0", "--allow-private-addresses",
        "--num-decode-processes", "1", "--concurrency", "8", *beam_args,
    ]  # fmt: skip


def fetches(server: Server) -> dict[str, int]:
    return {path: times for path, times in server.counts()["paths"].items() if "/images/" in path}


@pytest.fixture(scope="module")
def undisturbed(world: tuple[Path, Server]) -> tuple[dict[str, bytes], dict[str, int]]:
    root, server = world
    before = fetches(server)
    run_to_end(command(root, root / "undisturbed"))
    asked = {path: times - before.get(path, 0) for path, times in fetches(server).items()}
    return folder_bytes(root / "undisturbed"), {path: times for path, times in asked.items() if times}


def test_undisturbed_run_refills_and_reads_in_plain_webdataset(
    world: tuple[Path, Server], undisturbed: tuple[dict[str, bytes], dict[str, int]]
) -> None:
    root, _ = world
    shards = root / "undisturbed" / "shards"
    tables = [pq.read_table(path).to_pylist() for path in sorted(shards.glob("*.parquet"))]
    rows = [row for table in tables for row in table]
    assert [row["reason"] for row in rows] == [EXPECTED_REASONS.get(row["url"].split("/")[3]) for row in rows]
    assert len({row["reason"] for row in rows}) > 3
    assert pq.read_table(root / "undisturbed/selection-refill/tables/query_counts.parquet").num_rows == len(WORDS)
    tars = sorted(str(path) for path in shards.glob("*.tar"))
    stream = wds.WebDataset(tars, shardshuffle=False, empty_check=False)
    samples = list(stream.decode("pil").to_tuple("jpg", "txt", "json"))
    assert len(samples) == sum(row["status"] == "success" for row in rows)
    image, text, record = samples[0]
    assert min(image.size) == 32
    assert record["captions"][0] == text
    # Each image once: a refill's further captions of an image are stored without asking for it again.
    assert len({row["key"] for row in rows}) == len(rows)
    assert {path.lstrip("/"): times for path, times in undisturbed[1].items()} == {
        path: 1 for path in (row["url"].split("/", 3)[3] for row in rows) if path.startswith("images/")
    }
    further = pq.read_table(shards / "further_captions").to_pylist()
    stored = {row["key"] for row in rows if row["status"] == "success"}
    assert further
    assert {row["key"] for row in further} <= stored


@pytest.mark.parametrize(
    "beam_args",
    [pytest.param((), id="one process", marks=pytest.mark.slow), pytest.param(TWO_PROCESSES, id="two processes")],
)
def test_killed_five_times_gives_the_same_bytes(
    world: tuple[Path, Server],
    undisturbed: tuple[dict[str, bytes], dict[str, int]],
    beam_args: tuple[str, ...],
) -> None:
    root, server = world
    expected, asked_once = undisturbed
    output = root / f"killed-{len(beam_args)}"
    choose = random.Random(len(beam_args))
    before = fetches(server)
    killed = 0
    for _ in range(KILLS):
        moment = choose.uniform(0, 0.9) * len(expected)
        killed += killed_at(command(root, output, *beam_args), output, moment, choose.uniform(0, 0.2))
    run_to_end(command(root, output, *beam_args))
    assert killed > 0
    assert folder_bytes(output) == expected
    assert not list(output.rglob(".tmp-*"))
    again = {path: times - before.get(path, 0) for path, times in fetches(server).items()}
    fetched_twice = sum(times - asked_once.get(path, 0) for path, times in again.items())
    # At most the shards in flight were fetched again.
    in_flight = SHARDS_AT_ONCE * (2 if beam_args else 1)
    assert 0 <= fetched_twice <= killed * in_flight * SAMPLES_PER_SHARD


@pytest.mark.slow
def test_worker_processes_give_the_same_bytes(
    world: tuple[Path, Server], undisturbed: tuple[dict[str, bytes], dict[str, int]]
) -> None:
    root, _ = world
    run_to_end(command(root, root / "two", *TWO_PROCESSES))
    assert folder_bytes(root / "two") == undisturbed[0]
