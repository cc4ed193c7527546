"""Starts the Python workers that a Flink TaskManager (or the embedded Flink) asks for, each a process of its own.

Beam's worker pool, but the workers are this Python, not whatever ``python`` is on PATH, and quiet. Run as a program
it is the side-car of a TaskManager: ``python -m pipeline.runners.flink.worker_pool --port 50000``.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer, kill_process_gracefully

READY = "--ready_fd="
"""Argument of a worker: the file descriptor it writes a byte to once it is connected."""

MAX_STARTS = 3


class WorkerPool(BeamFnExternalWorkerPoolServicer):
    """Answers StartWorker with ``python -m pipeline.runners.local.worker`` and StopWorker by ending it.

    Every TaskManager numbers its workers from ``1-1``: those of several at one pool are told apart by their connection,
    or one that stops its worker would end another's, and with it the other's job.
    """

    def __init__(self, worker_arguments: Sequence[str], on_lost: Callable[[int], None] | None, **more: Any) -> None:
        """`on_lost` is called, from a thread, with the exit status of a worker that a signal ended which nobody here
        sent; `more` is Beam's.
        """
        super().__init__(**more)
        self._worker_arguments, self._on_lost = worker_arguments, on_lost
        self._ended_here: set[subprocess.Popen[bytes]] = set()

    def StartWorker(self, start_worker_request: Any, context: Any) -> Any:
        """Answer when the worker is connected: for one that died before, its TaskManager would wait for ever.

        It is started again before that is told, because a TaskManager that is told so keeps the job's other workers.
        """
        try:
            for _ in range(MAX_STARTS):
                worker, connected = self._start(start_worker_request, context.peer())
                if connected and not context.is_active():  # its job was cancelled meanwhile: nobody will stop it
                    self._ended_here.add(worker)
                    worker.kill()
                if connected or not context.is_active():
                    return beam_fn_api_pb2.StartWorkerResponse()
        except OSError:
            return beam_fn_api_pb2.StartWorkerResponse(error=traceback.format_exc())
        worker_id = start_worker_request.worker_id
        error = f"OSError: the Python worker {worker_id} ended with status {worker.wait()} at its start"
        return beam_fn_api_pb2.StartWorkerResponse(error=error)

    def _start(self, request: Any, peer: str) -> tuple[subprocess.Popen[bytes], bool]:
        """Start a worker; return it when it is connected (true) or has ended (false)."""
        ready_at, ready = os.pipe()
        command = [
            sys.executable, "-m", "pipeline.runners.local.worker", f"{READY}{ready}",
            f"--control_endpoint={request.control_endpoint.url}",
            f"--id={request.worker_id}",
            *self._worker_arguments,
        ]  # fmt: skip
        with os.fdopen(ready_at, "rb") as waiting:
            try:
                worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=[ready])
            finally:
                os.close(ready)
            threading.Thread(target=self._watch, args=(worker,), daemon=True).start()
            for key, other in list(self._worker_processes.items()):
                if other.poll() is not None:
                    self._worker_processes.pop(key, None)
            self._worker_processes[f"{peer} {request.worker_id}"] = worker
            return worker, bool(waiting.read(1))

    def _watch(self, worker: subprocess.Popen[bytes]) -> None:
        """Wait for the end of a worker: one that ends by itself leaves no zombie, one that is killed is told."""
        status = worker.wait()
        if status < 0 and worker not in self._ended_here and self._on_lost is not None:
            self._on_lost(status)
        self._ended_here.discard(worker)

    def StopWorker(self, stop_worker_request: Any, context: Any) -> Any:
        worker_id = stop_worker_request.worker_id
        same = [key for key in list(self._worker_processes) if key.rpartition(" ")[2] == worker_id]
        asked = f"{context.peer()} {worker_id}"
        # From a connection that did not start it, when it is one of several: left alone, a worker ends with its
        # TaskManager's server.
        for key in [asked] if asked in same else same[: len(same) == 1]:
            worker = self._worker_processes.pop(key, None)
            if worker is not None:
                self._ended_here.add(worker)
                kill_process_gracefully(worker)
        return beam_fn_api_pb2.StopWorkerResponse()


def start_worker_pool(
    port: int = 0, worker_arguments: Sequence[str] = (), on_lost: Callable[[int], None] | None = None
) -> tuple[str, Any]:
    """Start the pool in this process on `port` (0: any free one); return its address and its server."""

    class Pool(WorkerPool):
        """Made by Beam's `start`, which knows Beam's arguments only."""

        def __init__(self, **more: Any) -> None:
            super().__init__(worker_arguments, on_lost, **more)

    address, server = Pool.start(use_process=True, port=port)
    return str(address), server


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="Start Beam workers with this project's code for a TaskManager.")
    parser.add_argument("--port", type=int, required=True)
    traces = ["--with_traces"]  # standard error is the worker's log here
    address, server = start_worker_pool(parser.parse_args().port, traces)
    print(f"worker pool at {address}", file=sys.stderr)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        server.stop(0)


if __name__ == "__main__":
    main()
