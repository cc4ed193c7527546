"""Collect and balance on a real Flink session cluster: the local runner's bytes, also after kills; Ctrl-C; failures.

The cluster is the one of ``deploy/flink/cluster.py``: a JobManager, two TaskManagers, Beam's worker pool.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from schemas.storage import TEMPORARY_MARK
from tests.conftest import write_queries
from tests.flink_support import find_job_server_jar
from tests.folder_bytes import folder_bytes

pytestmark = pytest.mark.flink

REPOSITORY = Path(__file__).resolve().parents[2]
WORDS = ["red", "blue", "dog", "cat", "of", "new york"]
REST_PORT, RPC_PORT, POOL_PORT = 8187, 6187, 50187


@dataclass(frozen=True)
class Cluster:
    folder: Path
    beam_args: list[str]

    def pids(self, name: str) -> list[int]:
        found = json.loads((self.folder / "pids.json").read_text())
        return [pid for key, pid in found.items() if key.startswith(name)]

    def jobs(self) -> list[dict[str, str]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{REST_PORT}/jobs/overview", timeout=30) as answer:
            return list(json.load(answer)["jobs"])

    def workers(self) -> list[int]:
        """Return the processes of Python workers that run steps."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = entry.read_bytes().split(b"\0")
            except OSError:
                continue  # it has just ended
            if b"pipeline.worker" in words and int(entry.parent.name) != os.getpid():
                found.append(int(entry.parent.name))
        return found


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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Input, queries, and what the local runner makes of them."""
    root = tmp_path_factory.mktemp("world")
    choose = random.Random(3)
    (root / "in").mkdir()
    for name in ("a", "b", "c", "d"):
        captions = [" ".join(choose.choices([*WORDS, "xyzzy"], k=4)) for _ in range(4000)]
        urls = [f"http://images.example/{choose.randrange(9000)}.jpg" for _ in captions]
        pq.write_table(pa.table({"url": urls, "caption": captions}), root / "in" / f"{name}.parquet")
    write_queries(root / "queries", WORDS)
    run_both(root, "local", [])
    return root


def collect_config(root: Path, name: str) -> CollectConfig:
    return CollectConfig(
        input=f"{root}/in/*.parquet", queries=f"{root}/queries", output=str(root / name / "candidates")
    )


def run_both(root: Path, name: str, beam_args: list[str]) -> None:
    collect = collect_config(root, name)
    run_collect(collect, beam_args)
    balance = BalanceConfig(
        candidates=collect.output, output=str(root / name / "selection"), max_pairs_per_query=150,
        samples_per_shard=100,
    )  # fmt: skip
    run_balance(balance, beam_args)


def temporaries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if TEMPORARY_MARK in path.name]


def test_a_session_cluster_gives_the_same_bytes(cluster: Cluster, world: Path) -> None:
    run_both(world, "cluster", cluster.beam_args)
    assert folder_bytes(world / "cluster") == folder_bytes(world / "local")
    assert temporaries(world / "cluster") == []


def when_running(condition: Callable[[], bool], act: Callable[[], None], done: list[bool]) -> threading.Thread:
    """Call `act` once, as soon as `condition` holds; note it in `done`."""

    def watch() -> None:
        for _ in range(6000):
            if condition():
                act()
                done.append(True)
                return
            time.sleep(0.05)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("victim", ["worker", "task manager"])
def test_a_killed_process_changes_nothing(cluster: Cluster, world: Path, victim: str) -> None:
    before = set(cluster.workers())
    name = f"killed-{victim.replace(' ', '-')}"

    def working() -> bool:
        return bool(set(cluster.workers()) - before)

    def kill() -> None:
        if victim == "worker":
            os.kill(max(set(cluster.workers()) - before), signal.SIGKILL)
            return
        newest = max(set(cluster.workers()) - before)
        for pid in cluster.pids("task-manager"):
            if serves(pid, newest):
                os.kill(pid, signal.SIGKILL)
                script("task-manager", cluster.folder)  # in its place
                return

    killed: list[bool] = []
    thread = when_running(working, kill, killed)
    run_both(world, name, cluster.beam_args)
    thread.join(1)
    assert killed
    assert folder_bytes(world / name) == folder_bytes(world / "local")
    assert temporaries(world / name) == []


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


def test_ctrl_c_cancels_the_job_on_the_cluster(cluster: Cluster, world: Path) -> None:
    config = collect_config(world, "interrupted")
    command = [
        sys.executable, "-m", "pipeline", "collect", "--input", config.input, "--queries", config.queries,
        "--output", config.output, "--", *cluster.beam_args,
    ]  # fmt: skip
    known = {job["jid"] for job in cluster.jobs()}
    with subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as launcher:
        while not {job["jid"] for job in cluster.jobs()} - known:
            assert launcher.poll() is None
            time.sleep(0.1)
        launcher.send_signal(signal.SIGINT)
        _, said = launcher.communicate(timeout=180)
    new = [job for job in cluster.jobs() if job["jid"] not in known]
    assert launcher.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert [job["state"] for job in new] == ["CANCELED"]
    run_collect(config, [])  # what was left to do, on the local runner
    assert folder_bytes(config.output) == folder_bytes(world / "local" / "candidates")
