"""A worker that ends before its job ends the job with an error that says how, whatever the runner waits for."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.runners.local.worker_processes import how_it_ended

REPOSITORY = Path(__file__).resolve().parents[2]

LAUNCHER = """
import os, sys, threading
from pipeline.runners.logs import show_only_errors
show_only_errors()
import apache_beam as beam
from pipeline.runners.local import worker_processes
from pipeline.runners.failures import WorkerLost
from pipeline.runners.local.fork_server import prepare_workers
from pipeline.runners.runner import run_pipeline

TWO = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
"""

KILLED = (
    LAUNCHER
    + """
class End(beam.DoFn):
    def process(self, how):
        if how != "well":
            os.kill(os.getpid(), int(how)) if how != "exit" else os._exit(3)
        yield how

def build(pipeline):
    elements_at_two = pipeline | beam.Create(elements) | beam.Reshuffle() | beam.ParDo(End())
    elements_at_two | "Again" >> beam.Reshuffle() | "EndLater" >> beam.ParDo(End())

prepare_workers(TWO[:1] if sys.argv[1] == "programs" else TWO)
for elements in (["9"], ["11", "well"], ["exit"]):
    try:
        run_pipeline(build, TWO)
    except WorkerLost as error:
        print(error)
elements = ["well"] * 5
run_pipeline(build, TWO)
print("well")
"""
)

STUCK = (
    LAUNCHER
    + """
worker_processes.STOP_S = 0.1
with worker_processes.JobWorkers() as job:
    threading.Thread(target=job.lose, args=("a worker was killed",)).start()
    threading.Event().wait()
"""
)


@pytest.mark.parametrize("workers", ["forks", pytest.param("programs", marks=pytest.mark.slow)])
def test_the_job_of_a_killed_worker_fails_and_the_next_one_runs(workers: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, workers], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "a worker was killed (SIGKILL; did memory run out?)",
        "a worker crashed (SIGSEGV)",
        "a worker ended with status 3",
        "well",
    ]


def test_a_launcher_whose_runner_does_not_come_back_ends_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", STUCK], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: a worker was killed; run the same command again to resume\n"


def test_how_a_worker_ended_is_told_the_same_for_a_program_and_a_fork() -> None:
    assert how_it_ended(-9) == how_it_ended(137) == "a worker was killed (SIGKILL; did memory run out?)"
    assert how_it_ended(-15) == how_it_ended(143) == "a worker was killed (SIGTERM)"
    assert how_it_ended(-6) == how_it_ended(134) == "a worker crashed (SIGABRT)"
    assert how_it_ended(0) == "a worker ended with status 0"
