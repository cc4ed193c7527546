"""A local Ray cluster of one node for the training job, on free ports, ended with the block that uses it."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.demo.free_ports import free_ports
from tests.demo.steps import REPOSITORY, DemoFailed, environment

START_DEADLINE_S = 900.0
"""A slow and busy machine takes minutes; one whose head ends is told at once."""
STOP_DEADLINE_S = 20.0
OBJECT_STORE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Cluster:
    """Where the cluster answers, and the environment that lets a command use it."""

    address: str
    """For `ray job submit --address`."""
    environment: dict[str, str]
    head_pid: int
    """The process whose descendants are the cluster's."""


@contextmanager
def ray_cluster(num_cpus: int) -> Iterator[Cluster]:
    """Start a head node and yield its address.

    The head stays in the foreground of a process of ours (`--block`), so that ending that process ends this
    cluster and no other: `ray stop` would end every cluster of the machine. It asks for a token of its own,
    so that other users of the machine cannot run code by it. Raises DemoFailed with the end of
    the head's log when it does not start.
    """
    gcs, dashboard, client, agent = free_ports(4)
    directory = Path(tempfile.mkdtemp(prefix="wit-ray-"))  # short: it holds sockets, whose paths have 107 bytes
    log_path = directory / "head.log"
    command = [
        str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--disable-usage-stats",
        "--num-cpus", str(num_cpus), "--node-ip-address", "127.0.0.1", "--port", str(gcs),
        "--include-dashboard", "true", "--dashboard-host", "127.0.0.1", "--dashboard-port", str(dashboard),
        "--ray-client-server-port", str(client), "--dashboard-agent-listen-port", str(agent),
        "--min-worker-port", "0", "--max-worker-port", "0",
        "--object-store-memory", str(OBJECT_STORE_BYTES), "--temp-dir", str(directory / "ray"),
    ]  # fmt: skip
    token = directory / "token"
    token.write_text(secrets.token_hex(32))  # the directory is readable by this user only
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_LOGGER_LEVEL": "warning"}
    with log_path.open("wb") as log:
        head = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment() | secret, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{dashboard}"
            _wait_until_ready([f"{address}/api/jobs/", f"http://127.0.0.1:{agent}/"], head, log_path)
            yield Cluster(address, secret, head.pid)
        finally:
            _end(head)
            shutil.rmtree(directory, ignore_errors=True)


def _wait_until_ready(urls: list[str], head: subprocess.Popen[bytes], log_path: Path) -> None:
    """Wait until both answer: the dashboard, and the agent that runs jobs, which on a busy machine comes much later."""
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline and head.poll() is None:
        if all(map(_answers, urls)):
            return
        time.sleep(0.25)
    tail = "\n".join(log_path.read_text(errors="replace").splitlines()[-15:])
    raise DemoFailed(f"the local Ray cluster did not start (exit code {head.poll()}):\n{tail}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as answer:
        return answer.code in (401, 404)  # it is there: it asks for the token, or has no page of that name
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _end(head: subprocess.Popen[bytes]) -> None:
    """End the head; its signal handler ends the processes of the node. What does not go is killed with its session."""
    head.terminate()
    with suppress(subprocess.TimeoutExpired):
        head.wait(STOP_DEADLINE_S)
    with suppress(ProcessLookupError):
        os.killpg(head.pid, signal.SIGKILL)  # start_new_session: the group is ours alone
    head.wait()
