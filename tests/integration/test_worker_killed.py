"""A process below a command is killed, as the kernel does when memory runs out: the command ends, says so, and resumes.

The command is met where a worker waits for an answer of a real HTTP server, so that the kill is in the middle of a job.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import write_queries
from tests.support.download import picture
from tests.support.flink import find_job_server_jar
from tests.support.folder_bytes import folder_bytes
from tests.support.holding_server import HoldingServer, holding
from tests.support.process_tree import (
    NEEDS_PROC,
    descendants,
    fork_servers,
    forked_workers,
    programs,
    wait_until_gone,
)
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = NEEDS_PROC

REPOSITORY = Path(__file__).resolve().parents[2]
TWO_PROCESSES = ["--", "--direct_num_workers=2", "--direct_running_mode=multi_processing"]

PIPELINE = [sys.executable, "-m", "pipeline"]
LATE_PIPELINE = [
    sys.executable, "-c",
    "import sys, threading\n"
    "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"  # with threads, nothing is forked
    "from pipeline.__main__ import main\n"
    "main(sys.argv[1:])",
]  # fmt: skip
"""The same command where workers cannot be forks, but are programs of their own."""

Find = Callable[[int], list[int]]
WORKERS: dict[str, tuple[list[str], Find]] = {
    "worker": (PIPELINE, forked_workers),
    "fork server": (PIPELINE, fork_servers),
    "fork client": (PIPELINE, lambda launcher: programs(launcher, "fork_client.py")),
    "program of its own": (LATE_PIPELINE, lambda launcher: programs(launcher, "pipeline.runners.local.worker")),
}


class Place:
    """Input of all commands, served over HTTP, and what they make of it undisturbed."""

    def __init__(self, root: Path, server: HoldingServer) -> None:
        self.root, self.server = root, server

    def command(self, name: str, output: Path) -> list[str]:
        served = self.server.url
        candidates = [
            "--input", f"{served}/table.csv", "--queries", f"{self.root}/queries", "--output", str(output),
        ]  # fmt: skip
        fetch = ["--image-size", "16", "--allow-private-addresses", "--timeout-s", "600", "--retries", "0",
                 "--num-decode-processes", "1"]  # fmt: skip
        return {
            "collect": ["collect", *candidates],
            "balance": ["balance", "--candidates", f"{served}/candidates", "--output", str(output)],
            "download": ["download", "--selection", f"{self.root}/selection", "--output", str(output), *fetch],
            "run": ["run", *candidates, "--samples-per-shard", "8", *fetch],
            "explain": ["explain", "--candidates", f"{served}/candidates", "--json"],
        }[name]


HELD = {
    "collect": r"/table\.csv", "balance": r"/candidates/\d+\.parquet", "download": r"/images/", "run": r"/images/",
    "explain": r"/candidates/\d+\.parquet",
}  # fmt: skip
"""What each command's workers ask for."""

FAST = ("download",)
"""Of a worker's death: the others, and deaths of other processes, are slow."""


def run(arguments: list[str]) -> str:
    done = subprocess.run(arguments, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("killed")
    (root / "images").mkdir()
    for number in range(16):
        (root / "images" / f"{number}.jpg").write_bytes(picture(seed=number))
    with holding(root) as server:
        rows = [f"{server.url}/images/{number}.jpg,a red dog {number}" for number in range(16)]
        (root / "table.csv").write_text("\n".join(["url,caption", *rows, ""]))
        write_queries(root / "queries", ["red", "dog"])
        found = Place(root, server)
        run([*PIPELINE, *found.command("collect", root / "candidates")])
        run([*PIPELINE, "balance", "--candidates", f"{root}/candidates", "--output", f"{root}/selection",
             "--samples-per-shard", "8"])  # fmt: skip
        yield found


@pytest.fixture(scope="module")
def undisturbed(place: Place) -> Callable[[str], tuple[dict[str, bytes], str]]:
    """A function that returns what a command writes, and says, when nothing is killed."""
    known: dict[str, tuple[dict[str, bytes], str]] = {}

    def of(name: str) -> tuple[dict[str, bytes], str]:
        if name not in known:
            output = place.root / f"undisturbed-{name}"
            said = run([*PIPELINE, *place.command(name, output)])
            known[name] = (folder_bytes(output), said)
        return known[name]

    return of


def started(place: Place, arguments: list[str], held: str, when: Callable[[int], bool]) -> "subprocess.Popen[str]":
    """Start a command and return it when it waits for what the server holds, and `when(launcher)` is true."""
    launchers: list[int] = []
    place.server.hold(held, lambda: bool(launchers) and when(launchers[0]))
    command = subprocess.Popen(
        arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    launchers.append(command.pid)
    wait_until(lambda: command.poll() is not None or place.server.reached.is_set(), "a worker that waits for input")
    assert command.poll() is None, command.communicate()
    return command


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(
            pytest.param(name, "worker", id=f"{name}-worker", marks=() if name in FAST else pytest.mark.slow)
            for name in HELD
        ),
        *(
            pytest.param("download", kind, id=f"download-{kind.replace(' ', '-')}", marks=pytest.mark.slow)
            for kind in WORKERS
            if kind != "worker"
        ),
    ],
)
def test_a_killed_worker_ends_the_command_and_nothing_is_lost(
    place: Place, undisturbed: Callable[[str], tuple[dict[str, bytes], str]], name: str, kind: str
) -> None:
    program, find = WORKERS[kind]
    output = place.root / f"{name}-{kind}"
    arguments = [*program, *place.command(name, output), *TWO_PROCESSES]
    lost = "the process that starts the workers" if kind == "fork server" else "a worker"
    how = "did memory run out?" if kind == "fork server" else "SIGKILL; did memory run out?"
    ends_with_one_line(place, arguments, HELD[name], find, f"{lost} was killed ({how})")
    said = run(arguments)
    expected, said_undisturbed = undisturbed(name)
    assert folder_bytes(output) == expected
    if name == "explain":
        assert said == said_undisturbed


def ends_with_one_line(place: Place, arguments: list[str], held: str, find: Find, cause: str) -> None:
    """Kill the process that `find` finds below the command; the command ends, and all below it."""
    command = started(place, arguments, held, lambda launcher: bool(find(launcher)))
    below = descendants(command.pid)
    os.kill(find(command.pid)[0], signal.SIGKILL)
    _, errors = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 1, errors
    said = [line for line in errors.splitlines() if line.strip()]
    assert said == [f"error: {cause}; run the same command again to resume"]
    wait_until_gone(below)
    place.server.let_go()


@pytest.mark.parametrize(
    "beam_args",
    [pytest.param([], id="one-process", marks=pytest.mark.slow), pytest.param(TWO_PROCESSES, id="two-processes")],
)
@pytest.mark.parametrize("moment", ["at-work", "starting"])
def test_a_killed_decode_process_is_healed(
    place: Place,
    undisturbed: Callable[[str], tuple[dict[str, bytes], str]],
    beam_args: list[str],
    moment: str,
) -> None:
    output = place.root / f"decode-{moment}-{len(beam_args)}"
    arguments = [*PIPELINE, *place.command("download", output), *beam_args]
    if moment == "at-work":
        command = started(place, arguments, HELD["download"], lambda launcher: bool(decode_processes(launcher)))
    else:
        place.server.hold(HELD["download"], lambda: True)  # else a fast command is at its end before it is looked at
        command = subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: command.poll() is not None or decode_processes(command.pid), "a decode process")
    assert command.poll() is None, command.communicate()
    os.kill(decode_processes(command.pid)[0], signal.SIGKILL)
    place.server.let_go()
    _, errors = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 0, errors
    assert folder_bytes(output) == undisturbed("download")[0]


@pytest.mark.parametrize(
    "beam_args",
    [pytest.param([], id="one-process", marks=pytest.mark.slow), pytest.param(TWO_PROCESSES, id="two-processes")],
)
def test_ctrl_c_ends_all_processes_with_one_line(place: Place, beam_args: list[str]) -> None:
    arguments = [*PIPELINE, *place.command("download", place.root / f"interrupted-{len(beam_args)}"), *beam_args]
    command = started(place, arguments, HELD["download"], lambda launcher: bool(decode_processes(launcher)))
    below = descendants(command.pid)
    os.killpg(command.pid, signal.SIGINT)
    _, errors = command.communicate(timeout=PATIENCE_S)
    assert (command.returncode, errors) == (130, "interrupted; run the same command again to resume\n")
    wait_until_gone(below)
    place.server.let_go()


def decode_processes(launcher: int) -> list[int]:
    return programs(launcher, "pipeline.download.decode.worker")


FLINK: dict[str, tuple[Find, str]] = {
    "worker": (
        lambda launcher: programs(launcher, "pipeline.runners.local.worker"),
        "a worker was killed (SIGKILL; did memory run out?)",
    ),
    "job server": (
        lambda launcher: programs(launcher, "java"), "Flink's job server ended (did memory run out?)",
    ),
    "guard of the job server": (
        lambda launcher: programs(launcher, "pipeline.runners.flink.rest"),
        "Flink's job server ended (did memory run out?)",
    ),
}  # fmt: skip


@pytest.mark.flink
@pytest.mark.parametrize("kind", FLINK, ids=lambda value: value.replace(" ", "-"))
def test_a_process_of_an_embedded_flink_that_is_killed_ends_the_command(
    place: Place, undisturbed: Callable[[str], tuple[dict[str, bytes], str]], kind: str
) -> None:
    find, cause = FLINK[kind]
    output = place.root / f"flink-{kind}"
    flink = ["--", "--runner=FlinkRunner", "--flink_master=[local]", "--parallelism=2",
             f"--flink_job_server_jar={find_job_server_jar()}"]  # fmt: skip
    arguments = [*PIPELINE, *place.command("download", output), *flink]
    ends_with_one_line(place, arguments, HELD["download"], find, cause)
    run(arguments)
    assert folder_bytes(output) == undisturbed("download")[0]
