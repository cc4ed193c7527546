"""Collect and balance on a real Flink session cluster: the local runner's bytes, also after kills; Ctrl-C; failures.

The cluster is the one of ``deploy/flink/cluster.py``: a JobManager, two TaskManagers, Beam's worker pool.
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
from pipeline.flink_job import check_cluster
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
        return [pid for key, pid in found.items() if key.startswith(name) and Path(f"/proc/{pid}").exists()]

    def jobs(self) -> list[dict[str, str]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{REST_PORT}/jobs/overview", timeout=30) as answer:
            return list(json.load(answer)["jobs"])

    def num_failures(self, job: str) -> int:
        """Return how often a piece of `job` failed and was started again."""
        with urllib.request.urlopen(f"http://127.0.0.1:{REST_PORT}/jobs/{job}/exceptions", timeout=30) as answer:
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
        deadline = time.monotonic() + 90
        while self.workers():
            left = [Path(f"/proc/{pid}/stat").read_text()[:100] for pid in self.workers()]
            assert time.monotonic() < deadline, left
            time.sleep(0.1)


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
    for name in "abcdefgh":
        captions = [" ".join(choose.choices([*WORDS, "xyzzy"], k=4)) for _ in range(40_000)]
        urls = [f"http://images.example/{choose.randrange(90_000)}.jpg" for _ in captions]
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


def when(condition: Callable[[], bool], act: Callable[[], None], done: list[bool]) -> threading.Thread:
    """Call `act` once, as soon as `condition` holds; note it in `done`."""

    def watch() -> None:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if condition():
                act()
                done.append(True)
                return
            time.sleep(0.02)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "at its start": lambda folder: True,
    "in collect": lambda folder: any((folder / "candidates" / "parts").glob("*.json")),
    "in balance": lambda folder: (folder / "selection" / "work" / "limits.parquet").exists(),
}
"""When to kill, told by what the job has written."""


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
def test_a_killed_process_changes_nothing(cluster: Cluster, world: Path, victim: str, moment: str) -> None:
    name = f"killed-{victim}-{moment}".replace(" ", "-")
    known = {job["jid"] for job in cluster.jobs()}

    def kill() -> None:
        worker = max(cluster.workers())
        if victim == "worker":
            os.kill(worker, signal.SIGKILL)
            return
        task_manager = next(pid for pid in cluster.pids("task-manager") if serves(pid, worker))
        os.kill(task_manager, signal.SIGKILL)
        script("task-manager", cluster.folder)  # in its place

    killed: list[bool] = []
    thread = when(lambda: bool(cluster.workers()) and MOMENTS[moment](world / name), kill, killed)
    run_both(world, name, cluster.beam_args)
    thread.join(10)
    assert killed
    assert folder_bytes(world / name) == folder_bytes(world / "local")
    assert temporaries(world / name) == []
    jobs = [job for job in cluster.jobs() if job["jid"] not in known]
    assert {job["state"] for job in jobs} == {"FINISHED"}
    if moment != "at its start":  # the pool starts another worker, the job sees nothing
        assert sum(cluster.num_failures(job["jid"]) for job in jobs) >= 1  # it was in mid-run
    cluster.wait_until_idle()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


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


def test_ctrl_c_cancels_the_job_on_the_cluster(cluster: Cluster, world: Path) -> None:
    config = collect_config(world, "interrupted")
    known = {job["jid"] for job in cluster.jobs()}
    with subprocess.Popen(
        command(config, cluster), cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True
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
    cluster.wait_until_idle()


def test_a_killed_launcher_takes_its_job_along(cluster: Cluster, world: Path) -> None:
    config = collect_config(world, "launcher-killed")
    known = {job["jid"] for job in cluster.jobs()}
    with subprocess.Popen(command(config, cluster), cwd=REPOSITORY, start_new_session=True) as launcher:
        wait_for(lambda: MOMENTS["in collect"](world / "launcher-killed"))
        launcher.kill()
    wait_for(lambda: all(job["state"] in {"CANCELED", "FINISHED"} for job in cluster.jobs()))
    assert [job["state"] for job in cluster.jobs() if job["jid"] not in known] == ["CANCELED"]
    run_collect(config, cluster.beam_args)
    assert folder_bytes(config.output) == folder_bytes(world / "local" / "candidates")
    assert temporaries(Path(config.output)) == []
    cluster.wait_until_idle()


def test_a_job_that_fails_says_file_step_and_reason(cluster: Cluster, world: Path) -> None:
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
        cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.startswith("error: a worker failed: 00001.parquet: OSError: "), ended.stderr
    assert "[while running 'CountMatches']; run the same command again to resume" in ended.stderr
    assert ended.stderr.count("\n") == 1
    cluster.wait_until_idle()


def test_queries_that_vanish_are_named(cluster: Cluster, world: Path) -> None:
    config = dataclasses.replace(collect_config(world, "vanished"), queries=str(world / "vanishing"))
    shutil.copytree(world / "queries", config.queries)
    known = {job["jid"] for job in cluster.jobs()}
    done: list[bool] = []
    when(lambda: {job["jid"] for job in cluster.jobs()} > known, lambda: shutil.rmtree(config.queries), done)
    ended = subprocess.run(
        command(config, cluster), cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, timeout=180, check=False
    )
    assert done
    assert ended.returncode == 1, ended.stderr
    assert f"FileNotFoundError: [Errno 2] No such file or directory: '{config.queries}/queries.parquet'" in ended.stderr
    assert "[while running 'ExtractSplit']" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_more_slots_than_there_are_is_said_at_once(cluster: Cluster, world: Path) -> None:
    check_cluster(f"http://127.0.0.1:{REST_PORT}", 4)
    with pytest.raises(ValueError, match="the cluster has 4 slots, --parallelism 5 needs as many"):
        check_cluster(f"http://127.0.0.1:{REST_PORT}", 5)
