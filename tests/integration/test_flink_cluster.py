"""Collect and balance on a real Flink session cluster: the local runner's bytes, also after kills; Ctrl-C; failures.

The cluster is the one of ``deploy/flink/cluster.py``: a JobManager, two TaskManagers, Beam's worker pool. What the
workers read comes from a server that holds it until the test lets go, so every kill finds them at work.
"""

import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.runners.flink.job import check_cluster
from schemas.storage import TEMPORARY_MARK
from tests.conftest import write_queries
from tests.demo.free_ports import free_ports
from tests.support.flink import find_job_server_jar
from tests.support.folder_bytes import folder_bytes
from tests.support.holding_server import HoldingServer, holding
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.flink

REPOSITORY = Path(__file__).resolve().parents[2]
WORDS = ["red", "blue", "dog", "cat", "of", "new york"]
REST_PORT, RPC_PORT, POOL_PORT = free_ports(3)
SPLIT_BYTES = 2 << 20


@dataclass(frozen=True)
class Cluster:
    folder: Path
    beam_args: list[str]

    def pids(self, name: str) -> list[int]:
        found = json.loads((self.folder / "pids.json").read_text())
        return [pid for key, pid in found.items() if key.startswith(name) and Path(f"/proc/{pid}").exists()]

    def jobs(self) -> list[dict[str, str]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{REST_PORT}/jobs/overview", timeout=PATIENCE_S) as answer:
            return list(json.load(answer)["jobs"])

    def num_failures(self, job: str) -> int:
        """Return how often a piece of `job` failed and was started again."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{REST_PORT}/jobs/{job}/exceptions", timeout=PATIENCE_S
        ) as answer:
            return len(json.load(answer)["exceptionHistory"]["entries"])

    def workers(self) -> list[int]:
        """Return the processes of Python workers, those that have ended but were not waited for included."""
        (pool,) = self.pids("worker-pool")
        found = []
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has just ended
                if int(entry.read_text().rsplit(")", 1)[1].split()[1]) == pool:
                    found.append(int(entry.parent.name))
        return found

    def wait_until_idle(self) -> None:
        """Return when no Python worker is left; fail when one stays."""
        wait_until(lambda: not self.workers(), "the end of all Python workers")

    def new_jobs(self, known: list[dict[str, str]]) -> list[dict[str, str]]:
        return [job for job in self.jobs() if job["jid"] not in {other["jid"] for other in known}]


def script(action: str, folder: Path, *more: str) -> None:
    subprocess.run([sys.executable, "deploy/flink/cluster.py", action, str(folder), *more], cwd=REPOSITORY, check=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    jar = find_job_server_jar()
    folder = tmp_path_factory.mktemp("cluster")
    distribution = os.environ.get("FLINK_DISTRIBUTION", "")  # a folder with pyflink/lib spares the download
    more = ["--flink", distribution] if distribution else []
    script("start", folder, "--job-server-jar", jar, "--rest-port", str(REST_PORT), "--rpc-port", str(RPC_PORT),
           "--pool-port", str(POOL_PORT), *more)  # fmt: skip
    try:
        yield Cluster(folder, [
            "--runner=FlinkRunner", f"--flink_master=http://127.0.0.1:{REST_PORT}", "--flink_version=1.19",
            f"--flink_job_server_jar={jar}", "--parallelism=2", "--sdk_worker_parallelism=2",
            "--environment_type=EXTERNAL", f"--environment_config=localhost:{POOL_PORT}",
        ])  # fmt: skip
    finally:
        script("stop", folder)


@dataclass(frozen=True)
class World:
    """Input and queries below `root`, which `server` serves, and in `local/` what the local runner makes of them."""

    root: Path
    server: HoldingServer

    def __truediv__(self, name: str) -> Path:
        return self.root / name

    def collect(self, name: str, table: str = "table.csv") -> CollectConfig:
        return CollectConfig(
            input=f"{self.server.url}/{table}", queries=f"{self.root}/queries",
            output=str(self.root / name / "candidates"),
        )  # fmt: skip

    def run_both(self, name: str, beam_args: list[str]) -> None:
        run_collect(self.collect(name), beam_args)
        balance = BalanceConfig(
            candidates=f"{self.server.url}/{name}/candidates", output=str(self.root / name / "selection"),
            max_pairs_per_query=150, samples_per_shard=100,
        )  # fmt: skip
        run_balance(balance, beam_args)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    choose = random.Random(3)
    captions = [" ".join(choose.choices([*WORDS, "xyzzy"], k=4)) for _ in range(320_000)]
    urls = [f"http://images.example/{choose.randrange(90_000)}.jpg" for _ in captions]
    table = pa.table({"url": urls, "caption": captions})
    csv.write_csv(table, root / "table.csv")  # several splits
    csv.write_csv(table[:5_000], root / "small.csv")  # one
    write_queries(root / "queries", WORDS)
    with holding(root) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", SPLIT_BYTES)
        found = World(root, server)
        found.run_both("local", [])
        run_collect(found.collect("small", "small.csv"), [])
        yield found


def temporaries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if TEMPORARY_MARK in path.name]


def test_a_session_cluster_gives_the_same_bytes(cluster: Cluster, world: World) -> None:
    world.run_both("cluster", cluster.beam_args)
    assert folder_bytes(world / "cluster") == folder_bytes(world / "local")
    assert temporaries(world / "cluster") == []


MOMENTS: dict[str, tuple[str, Callable[[Path], bool]]] = {
    "at its start": (r"/nothing", lambda folder: True),
    "in collect": (r"/table\.csv", lambda folder: any((folder / "candidates" / "parts").glob("*.json"))),
    "in balance": (
        r"/candidates/\d+\.parquet", lambda folder: (folder / "selection" / "work" / "limits.parquet").exists(),
    ),
}  # fmt: skip
"""When to kill: at work on what the server holds, after the job has written something."""


@pytest.mark.parametrize(
    ("victim", "moment"),
    [
        ("worker", "at its start"),
        ("worker", "in collect"),
        ("worker", "in balance"),
        ("task manager", "in collect"),
        ("task manager", "in balance"),
    ],
)
def test_a_killed_process_changes_nothing(cluster: Cluster, world: World, victim: str, moment: str) -> None:
    name = f"killed-{victim}-{moment}".replace(" ", "-")
    known = cluster.jobs()
    held, when = MOMENTS[moment]
    world.server.hold(held, lambda: when(world / name))
    at_start = moment == "at its start"
    ready = (lambda: bool(cluster.workers())) if at_start else world.server.reached.is_set

    def kill() -> None:
        wait_until(ready, f"the moment {moment}")
        workers = cluster.workers()
        if victim == "worker":
            for worker in workers[:1] if at_start else workers:  # the one at work is among them
                os.kill(worker, signal.SIGKILL)
        else:
            task_manager = next(pid for pid in cluster.pids("task-manager") if serves(pid, max(workers)))
            os.kill(task_manager, signal.SIGKILL)
            script("task-manager", cluster.folder)  # in its place
        world.server.let_go()

    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill)
        world.run_both(name, cluster.beam_args)
        assert killed.done()
        killed.result()
    assert folder_bytes(world / name) == folder_bytes(world / "local")
    assert temporaries(world / name) == []
    jobs = cluster.new_jobs(known)
    assert {job["state"] for job in jobs} == {"FINISHED"}
    if not at_start:  # the pool starts another worker, the job sees nothing
        assert sum(cluster.num_failures(job["jid"]) for job in jobs) >= 1
    cluster.wait_until_idle()


def serves(task_manager: int, worker: int) -> bool:
    """Tell whether `worker` was told to ask a control port that `task_manager` listens at."""
    words = Path(f"/proc/{worker}/cmdline").read_bytes().decode().split("\0")
    port = next(int(word.rsplit(":", 1)[1]) for word in words if word.startswith("--control_endpoint="))
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{task_manager}/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if int(columns[1].rsplit(":", 1)[1], 16) == port and columns[3] == "0A":  # listening
                inodes.add(f"socket:[{columns[9]}]")
    links = Path(f"/proc/{task_manager}/fd").iterdir()
    return any(os.readlink(link) in inodes for link in links if link.is_symlink())


def command(config: CollectConfig, cluster: Cluster) -> list[str]:
    return [
        sys.executable, "-m", "pipeline", "collect", "--input", config.input, "--queries", config.queries,
        "--output", config.output, "--", *cluster.beam_args,
    ]  # fmt: skip


@contextlib.contextmanager
def at_work(cluster: Cluster, world: World, config: CollectConfig) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command and yield it when a worker waits for its input, which comes when the block has ended its job."""
    known = cluster.jobs()
    world.server.hold(r"/small\.csv", lambda: bool(cluster.new_jobs(known)))  # the launcher looks at it before
    with (
        (world / "said.txt").open("w") as said,
        subprocess.Popen(command(config, cluster), cwd=REPOSITORY, stderr=said, start_new_session=True) as launcher,
    ):
        try:
            wait_until(lambda: launcher.poll() is not None or world.server.reached.is_set(), "a worker at work")
            assert launcher.poll() is None
            yield launcher
            wait_until(lambda: all(job["state"] != "RUNNING" for job in cluster.new_jobs(known)), "the end of the job")
        finally:
            world.server.let_go()
    wait_until(lambda: all(int(job["end-time"]) > 0 for job in cluster.new_jobs(known)), "the end of the job")
    assert [job["state"] for job in cluster.new_jobs(known)] == ["CANCELED"]


def test_ctrl_c_cancels_the_job_on_the_cluster(cluster: Cluster, world: World) -> None:
    config = world.collect("interrupted", "small.csv")
    with at_work(cluster, world, config) as launcher:
        launcher.send_signal(signal.SIGINT)
    said = (world / "said.txt").read_text()
    assert launcher.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    run_collect(config, [])  # what was left to do, on the local runner
    assert folder_bytes(config.output) == folder_bytes(world / "small" / "candidates")
    cluster.wait_until_idle()


def test_a_killed_launcher_takes_its_job_along(cluster: Cluster, world: World) -> None:
    config = world.collect("launcher-killed", "small.csv")
    with at_work(cluster, world, config) as launcher:
        launcher.kill()
    run_collect(config, cluster.beam_args)
    assert folder_bytes(config.output) == folder_bytes(world / "small" / "candidates")
    assert temporaries(Path(config.output)) == []
    cluster.wait_until_idle()


def test_a_job_that_fails_says_file_step_and_reason(cluster: Cluster, world: World) -> None:
    candidates = world / "damaged" / "candidates"
    shutil.copytree(world / "local" / "candidates", candidates)
    damaged = bytearray((candidates / "00001.parquet").read_bytes())
    begin, end = len(damaged) // 2, len(damaged) * 9 // 10  # the launcher looks at the first rows and at the end
    damaged[begin:end] = bytes(end - begin)
    (candidates / "00001.parquet").write_bytes(damaged)
    ended = subprocess.run(
        [
            sys.executable, "-m", "pipeline", "balance", "--candidates", str(candidates),
            "--output", str(world / "damaged" / "selection"), "--", *cluster.beam_args,
        ],
        cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.startswith(f"error: a worker failed: 00001.parquet: ValueError: {candidates}/00001.parquet: ")
    assert "found the SHA-256" in ended.stderr
    assert "[while running 'CountMatches']; run the same command again to resume" in ended.stderr
    assert ended.stderr.count("\n") == 1
    cluster.wait_until_idle()


def test_queries_that_vanish_are_named(cluster: Cluster, world: World) -> None:
    shutil.copytree(world / "queries", world / "vanishing")
    known = cluster.jobs()
    queries = f"{world.server.url}/vanishing"
    config = dataclasses.replace(world.collect("vanished", "small.csv"), queries=queries)
    world.server.hold(r"/vanishing/", lambda: bool(cluster.new_jobs(known)))  # the launcher reads them before
    with subprocess.Popen(command(config, cluster), cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as launcher:
        wait_until(lambda: launcher.poll() is not None or world.server.reached.is_set(), "a worker that asks for them")
        shutil.rmtree(world / "vanishing")
        world.server.let_go()
        _, said = launcher.communicate(timeout=PATIENCE_S)
    assert launcher.returncode == 1, said
    assert f"FileNotFoundError: {queries}/" in said
    assert "[while running 'ExtractSplit']" in said
    assert said.count("\n") == 1


def test_more_slots_than_there_are_is_said_at_once(cluster: Cluster, world: World) -> None:
    check_cluster(f"http://127.0.0.1:{REST_PORT}", 4)
    with pytest.raises(ValueError, match="the cluster has 4 slots, --parallelism 5 needs as many"):
        check_cluster(f"http://127.0.0.1:{REST_PORT}", 5)
