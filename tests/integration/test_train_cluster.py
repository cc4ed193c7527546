"""Training on a real Ray cluster of several nodes: they come, are taken away with notice, freeze, and the head dies."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import ray  # brings psutil along

from schemas.storage import Folder
from tests.demo.free_ports import free_ports
from tests.support.small_shards import write_shards
from tests.support.waiting import PATIENCE_S, PATIENT_RAY, wait_until
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.workers.stopped import STOPPED

ROOT = Path(__file__).parents[2]
RAY = str(Path(sys.executable).parent / "ray")
TOKEN = "0" * 64

pytestmark = pytest.mark.slow
psutil = pytest.importorskip("psutil", reason=f"ray {ray.__version__} brings no psutil")


class Nodes:
    """A cluster of processes on this machine, made by `ray start`: a head without CPUs, and nodes of one CPU."""

    def __init__(self, temporary: Path) -> None:
        self._environment = os.environ | {
            "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "PYTHONPATH": str(ROOT),
            "RAY_TRAIN_PREEMPTION_POLL_INTERVAL_S": "0.5", **PATIENT_RAY,
        }  # fmt: skip
        self._temporary = temporary
        port, client, agent = free_ports(3)
        self.address = f"127.0.0.1:{port}"
        self._started: list[subprocess.Popen[bytes]] = []
        self.head = self._start(
            "--head", "--num-cpus=0", f"--port={port}", "--include-dashboard=false", f"--temp-dir={temporary}",
            f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}",
        )  # fmt: skip
        self._wait_for(1)

    def _start(self, *options: str) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(
            [RAY, "start", "--block", "--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats", *options],
            env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._started.append(started)
        return started

    def _wait_for(self, num_nodes: int) -> None:
        wait_until(lambda: len(self.node_ids()) >= num_nodes, f"{num_nodes} nodes")

    def ask(self, program: str) -> str:
        """Return what a program prints that is connected to the cluster."""
        told = subprocess.run(
            [sys.executable, "-c", program], env=self._environment | {"RAY_ADDRESS": self.address},
            capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        return told.stdout

    def node_ids(self) -> list[str]:
        program = "import ray; ray.init(log_to_driver=False, logging_level='ERROR'); "
        return self.ask(program + "print(*[n['NodeID'] for n in ray.nodes() if n['Alive']])").split()

    def add(self) -> str:
        """Start a node of one CPU; return its id."""
        before = set(self.node_ids())
        (agent,) = free_ports(1)
        self._start(f"--address={self.address}", "--num-cpus=1", f"--dashboard-agent-listen-port={agent}")
        self._wait_for(len(before) + 1)
        (added,) = set(self.node_ids()) - before
        return added

    def run(self, directory: Path, output: str, workers: str, *options: str) -> subprocess.Popen[bytes]:
        """Start a training of 360 steps on the cluster; what it tells is appended to a log."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / "trainer" / "run.py"), "--shards", str(directory / "shards"), "--output",
             str(directory / output), "--model", "rn-tiny", "--device", "cpu", "--num-workers", workers,
             "--global-batch-size", "8", "--epochs", "60", "--log-every-steps", "5", *options],
            cwd=directory, env=self._environment | {"RAY_ADDRESS": self.address},
            stderr=(directory / f"{output}.log").open("a"),
        )  # fmt: skip

    def drain(self, node: str) -> None:
        """Say that the node will be taken away in ten minutes, as a pod's `preStop` does (deploy/ray/rayjob.yaml)."""
        subprocess.run(
            [RAY, "drain-node", f"--address={self.address}", f"--node-id={node}", "--reason",
             "DRAIN_NODE_REASON_PREEMPTION", "--reason-message=spot", "--deadline-remaining-seconds=600"],
            env=self._environment, check=True, capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip

    def processes(self, title: str) -> list[Any]:
        """Return the processes of the cluster whose command line begins so."""
        mine = [child for one in self._started if one.poll() is None for child in children(one)]
        return [child for child in mine if "".join(child.cmdline()[:1]).startswith(title)]

    def close(self) -> None:
        for one in reversed(self._started):
            for child in [*children(one), psutil.Process(one.pid)] if one.poll() is None else []:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            one.wait(PATIENCE_S)


def children(process: subprocess.Popen[bytes]) -> list[Any]:
    with suppress(psutil.NoSuchProcess):
        return list(psutil.Process(process.pid).children(recursive=True))
    return []


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as temporary:
        cluster = Nodes(Path(temporary))  # sockets need a short path
        try:
            yield cluster
        finally:
            cluster.close()


def log(directory: Path, output: str) -> str:
    return (directory / f"{output}.log").read_text()


def steps(output: Path) -> int:
    return max(find_checkpoints(Folder(str(output))), default=0)


def wait_for_checkpoint(run: subprocess.Popen[bytes], directory: Path, output: str, after: int = 0) -> None:
    wait_until(lambda: run.poll() is not None or steps(directory / output) > after, f"a checkpoint after {after}")
    assert run.poll() is None, log(directory, output)


def test_a_run_grows_with_the_cluster(tmp_path: Path, nodes: Nodes) -> None:
    write_shards(tmp_path / "shards", 48)
    nodes.add()
    run = nodes.run(tmp_path, "out", "1:2", "--resize-every-s", "1", "--checkpoint-every-steps", "5")
    wait_for_checkpoint(run, tmp_path, "out")
    nodes.add()
    wait_until(lambda: run.poll() is not None or " 2 workers, steps " in log(tmp_path, "out"), "two workers")
    assert run.wait(PATIENCE_S) == 0, log(tmp_path, "out")
    assert " 1 worker, steps 0 to " in log(tmp_path, "out")
    assert " 2 workers, steps " in log(tmp_path, "out")


def test_a_cluster_without_cpus_is_told_and_the_deadline_ends_the_run(tmp_path: Path, nodes: Nodes) -> None:
    write_shards(tmp_path / "shards", 48)
    run = nodes.run(tmp_path, "out", "2", "--start-timeout-s", "1")
    assert run.wait(PATIENCE_S) == 2, log(tmp_path, "out")
    told = log(tmp_path, "out").splitlines()[-1]
    assert told.startswith("error: no worker is at work after ")
    assert "asked for 2 workers with 1 CPU each, the cluster's 1 node with 0 CPU (0 free) has room for 0; add " in told
    assert told.endswith("; --start-timeout-s is 1")


def test_sigterm_ends_a_run_that_waits_for_workers(tmp_path: Path, nodes: Nodes) -> None:
    write_shards(tmp_path / "shards", 48)
    run = nodes.run(tmp_path, "out", "2")
    wait_until(lambda: run.poll() is not None or nodes.processes("ray::TrainController"), "Ray's controller")
    run.terminate()
    assert run.wait(PATIENCE_S) == STOPPED, log(tmp_path, "out")
    assert "stopped by SIGTERM: before anything was learned; the same command goes on" in log(tmp_path, "out")


def test_a_frozen_worker_is_named_and_killed(tmp_path: Path, nodes: Nodes) -> None:
    write_shards(tmp_path / "shards", 48)
    for _ in range(2):
        nodes.add()
    run = nodes.run(tmp_path, "out", "2", "--stall-s", "5", "--checkpoint-every-steps", "10")
    wait_for_checkpoint(run, tmp_path, "out")
    frozen = nodes.processes("ray::RayTrainWorker")[0]
    frozen.send_signal(signal.SIGSTOP)
    assert run.wait(PATIENCE_S) == 0, log(tmp_path, "out")
    assert f"process {frozen.pid})" in log(tmp_path, "out")
    assert "none of 2 workers has moved for" in log(tmp_path, "out")


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_a_checkpoint_is_written_when_a_node_is_to_go(tmp_path: Path, nodes: Nodes, parallel: str) -> None:
    write_shards(tmp_path / "shards", 48)
    kept, taken = nodes.add(), nodes.add()
    options = ("--checkpoint-every-steps", "1000", "--stop-after-steps", "300", "--parallel", parallel)
    run = nodes.run(tmp_path, "out", "1:2", *options)
    wait_until(lambda: run.poll() is not None or "step " in log(tmp_path, "out"), "a step")
    nodes.drain(taken)
    wait_for_checkpoint(run, tmp_path, "out")
    assert steps(tmp_path / "out") < 300
    assert kept != taken
    parts = list((tmp_path / "out").glob("checkpoints/*/model-00002-of-00002.safetensors"))
    assert len(parts) == (parallel == "fsdp")
    run.kill()
    run.wait(PATIENCE_S)


def test_the_head_killed_ends_the_run_and_the_next_goes_on(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48)
    for number, title in enumerate([" steps 0 to 360", ""]):
        with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as temporary:
            cluster = Nodes(Path(temporary))
            try:
                cluster.add()
                run = cluster.run(tmp_path, "out", "1", "--checkpoint-every-steps", "10")
                if number == 0:
                    wait_for_checkpoint(run, tmp_path, "out")
                    for child in children(cluster.head):
                        child.kill()
                    assert run.wait(PATIENCE_S) != 0
                    assert title in log(tmp_path, "out")
                    assert "Traceback" not in log(tmp_path, "out")
                    assert "error: " in log(tmp_path, "out")
                    assert "the same command goes on from the last checkpoint" in log(tmp_path, "out")
                else:
                    assert run.wait(PATIENCE_S) == 0, log(tmp_path, "out")
            finally:
                cluster.close()
    assert (tmp_path / "out" / "manifest.json").exists()
