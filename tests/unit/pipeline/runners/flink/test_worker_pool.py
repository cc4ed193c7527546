"""The worker pool ends the worker it is asked to end, and no other; it says when one died at its start."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2

from pipeline.runners.flink.worker_pool import MAX_STARTS, start_worker_pool
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs Linux's /proc")


class TaskManager(beam_fn_api_pb2_grpc.BeamFnControlServicer):
    """A client with a connection of its own, as every TaskManager has, and a control server that gives no work.

    Before `serve` the server's port lets workers connect and says nothing to them: they are at their start.
    """

    def __init__(self, pool: str) -> None:
        self.closed = threading.Event()
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        self.control = f"localhost:{self.server.add_insecure_port('localhost:0')}"
        beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(self, self.server)
        self.channel = grpc.insecure_channel(pool, options=[("grpc.use_local_subchannel_pool", 1)])
        self.stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(self.channel)

    def serve(self) -> "TaskManager":
        self.server.start()
        return self

    def Control(self, request_iterator: Any, context: Any) -> Iterator[Any]:
        self.closed.wait()
        return iter(())

    def start(self, worker_id: str) -> Any:
        """Return the answer to be."""
        endpoint = endpoints_pb2.ApiServiceDescriptor(url=self.control)
        request = beam_fn_api_pb2.StartWorkerRequest(worker_id=worker_id, control_endpoint=endpoint)
        return self.stub.StartWorker.future(request)

    def stop(self, worker_id: str) -> None:
        self.stub.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id=worker_id))

    def workers(self) -> list[int]:
        """Return the living children of this process that have this control endpoint."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # it has just ended
            if parent == os.getpid() and f"--control_endpoint={self.control}" in words:
                found.append(int(entry.name))
        return found

    def close(self) -> None:
        self.closed.set()
        self.channel.close()
        self.server.stop(0)


@pytest.fixture
def task_manager() -> Iterator[Callable[[], TaskManager]]:
    """A function that makes a TaskManager of one pool."""
    address, server = start_worker_pool()
    made: list[TaskManager] = []

    def make() -> TaskManager:
        made.append(TaskManager(address))
        return made[-1]

    yield make
    for manager in made:
        manager.close()
    server.stop(0)


def test_task_managers_that_number_workers_alike_do_not_end_each_others(
    task_manager: Callable[[], TaskManager],
) -> None:
    first, second, other = task_manager().serve(), task_manager().serve(), task_manager()
    for answer in [first.start("1-1"), second.start("1-1")]:
        assert answer.result().error == ""
    other.stop("1-1")  # it could be either: none is ended
    assert [len(first.workers()), len(second.workers())] == [1, 1]
    first.stop("1-1")
    assert [len(first.workers()), len(second.workers())] == [0, 1]
    other.stop("1-1")  # as a TaskManager with a new connection does
    assert second.workers() == []


def test_a_worker_that_dies_at_its_start_is_started_again_then_told(task_manager: Callable[[], TaskManager]) -> None:
    manager = task_manager()
    answer = manager.start("1-7")
    killed = set()
    for _ in range(MAX_STARTS):
        wait_until(lambda: answer.done() or set(manager.workers()) - killed, "the start of a worker")
        (worker,) = set(manager.workers()) - killed
        os.kill(worker, signal.SIGKILL)
        killed.add(worker)
    assert answer.result().error == "OSError: the Python worker 1-7 ended with status -9 at its start"


def test_a_worker_that_nobody_waits_for_any_more_ends(task_manager: Callable[[], TaskManager]) -> None:
    manager = task_manager()
    answer = manager.start("1-1")
    wait_until(lambda: answer.done() or manager.workers(), "the start of a worker")
    answer.cancel()
    manager.serve()
    wait_until(lambda: not manager.workers(), "the end of the worker")
