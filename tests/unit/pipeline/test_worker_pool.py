"""The worker pool ends the worker it is asked to end, and no other."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2

from pipeline.worker_pool import start_worker_pool


class TaskManager:
    """A client with a connection of its own, as every TaskManager has."""

    def __init__(self, address: str, control: str) -> None:
        self.channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self.stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(self.channel)
        self.control = control

    def start(self, worker_id: str) -> None:
        endpoint = endpoints_pb2.ApiServiceDescriptor(url=self.control)
        request = beam_fn_api_pb2.StartWorkerRequest(worker_id=worker_id, control_endpoint=endpoint)
        assert self.stub.StartWorker(request).error == ""

    def stop(self, worker_id: str) -> None:
        self.stub.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id=worker_id))


@pytest.fixture
def task_manager() -> Iterator[Callable[[str], TaskManager]]:
    """A function that makes a TaskManager with the control endpoint that its workers get."""
    address, server = start_worker_pool()
    made: list[TaskManager] = []

    def make(control: str) -> TaskManager:
        made.append(TaskManager(address, control))
        return made[-1]

    yield make
    for manager in made:
        manager.channel.close()
    server.stop(0)


def workers(control: str) -> list[int]:
    """Return the living children of this process that have the control endpoint `control`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # it has just ended
        if parent == os.getpid() and f"--control_endpoint={control}" in words:
            found.append(int(entry.name))
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs Linux's /proc")
def test_task_managers_that_number_workers_alike_do_not_end_each_others(
    task_manager: Callable[[str], TaskManager],
) -> None:
    first, second = task_manager("localhost:1"), task_manager("localhost:2")  # nobody answers: the workers wait
    first.start("1-1")
    second.start("1-1")
    second.start("1-2")
    wait_for(lambda: [len(workers(t.control)) for t in (first, second)] == [1, 2])
    first.stop("1-1")
    wait_for(lambda: [len(workers(t.control)) for t in (first, second)] == [0, 2])
    again = task_manager("localhost:2")  # a connection that was made anew
    again.stop("1-1")
    wait_for(lambda: len(workers("localhost:2")) == 1)
    first.start("1-2")
    wait_for(lambda: len(workers("localhost:1")) == 1)
    again.stop("1-2")  # it could be either: none is ended
    assert [len(workers(t.control)) for t in (first, second)] == [1, 1]
    first.stop("1-2")
    second.stop("1-2")
    assert [len(workers(t.control)) for t in (first, second)] == [0, 0]
