"""Workers are forks of the launcher: in every job, with its imports; all gone when it is."""

import os
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]

LAUNCHER = """
import os, sys
import apache_beam as beam
from pipeline.fork_server import prepare_workers, start_fork_server, worker_command
from pipeline.runner import run_pipeline

TWO = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
assert worker_command() is None
prepare_workers([])
assert worker_command() is None  # one process was asked for
prepare_workers(TWO)
assert worker_command() is not None
assert start_fork_server()  # the same

class Note(beam.DoFn):
    def process(self, name):
        with open(f"{sys.argv[1]}/{name}", "w") as note:
            note.write(f"{os.getpid()} {os.getppid()}")
        yield name

def build(pipeline):
    pipeline | beam.Create(names) | beam.Reshuffle() | beam.ParDo(Note())

for names in (["a", "b"], ["c", "d"]):
    run_pipeline(build, TWO)
print(os.getpid(), worker_command().split()[-1])
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
    while any(is_alive(process) for process in {server} | workers):
        time.sleep(0.05)
    assert not Path(socket).parent.exists()


def test_a_client_without_a_server_fails() -> None:
    client = REPOSITORY / "pipeline" / "fork_client.py"
    done = subprocess.run([sys.executable, "-I", "-S", client, "/nowhere/socket"], capture_output=True, check=False)
    assert done.returncode == 1


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.is_file() or status.read_text().rpartition(")")[2].split()[0] != "Z"
