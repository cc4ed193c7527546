"""Workers are forks of the launcher: in every job, with its imports; all gone when it is."""

import subprocess
import sys
from pathlib import Path

from pipeline.runners.local.fork_client import SERVER_GONE
from tests.support.process_tree import wait_until_gone

REPOSITORY = Path(__file__).resolve().parents[2]

LAUNCHER = """
import os, sys
from pipeline.runners.logs import show_only_errors
show_only_errors()
import apache_beam as beam
from pipeline.runners.local.fork_server import prepare_workers, start_fork_server, worker_command
from pipeline.runners.runner import run_pipeline

TWO = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
assert worker_command() is None
prepare_workers([])
assert worker_command() is None  # one process was asked for
prepare_workers(TWO)
assert worker_command() is not None
assert start_fork_server()  # the same

class Note(beam.DoFn):
    def __init__(self, folder):
        self.folder = folder
    def process(self, name):
        with open(f"{self.folder}/{name}", "w") as note:
            note.write(f"{os.getpid()} {os.getppid()}")
        yield name

def build(pipeline):
    pipeline | beam.Create(names) | beam.Reshuffle() | beam.ParDo(Note(sys.argv[1]))

for names in (["a", "b"], ["c", "d"]):
    run_pipeline(build, TWO)
print(os.getpid(), worker_command().split()[-1])
"""

GOES_ON = """
(server,) = {int(open(f"{sys.argv[1]}/{name}").read().split()[1]) for name in "ab"}
os.kill(server, 9)
os.waitpid(server, 0)
names = ["e", "f"]
run_pipeline(build, TWO)
assert worker_command() is None
"""


def test_each_job_has_forks_and_nothing_is_left_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    notes = {path.name: path.read_text().split() for path in tmp_path.iterdir()}
    assert sorted(notes) == ["a", "b", "c", "d"]
    (server,) = {int(parent) for _, parent in notes.values()}
    workers = {int(worker) for worker, _ in notes.values()}
    launcher, socket = done.stdout.split()
    assert len(workers) >= 2  # no worker serves two jobs
    assert len({server, int(launcher)} | workers) == len(workers) + 2
    wait_until_gone([server, *workers])
    assert not Path(socket).parent.exists()


def test_a_server_that_was_killed_between_two_jobs_is_done_without(tmp_path: Path) -> None:
    program = LAUNCHER + GOES_ON
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == set("abcdef")
    assert not Path(done.stdout.split()[1]).parent.exists()


def test_a_client_without_a_server_fails() -> None:
    client = REPOSITORY / "pipeline" / "runners" / "local" / "fork_client.py"
    done = subprocess.run([sys.executable, "-I", "-S", client, "/nowhere/socket"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (SERVER_GONE, b"")
