"""Starts the Python workers that a Flink TaskManager (or the embedded Flink) asks for, each a process of its own.

Beam's worker pool, but the workers are this Python, not whatever ``python`` is on PATH, and quiet. Run as a program
it is the side-car of a TaskManager: ``python -m pipeline.worker_pool --port 50000``.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
import traceback
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer, kill_process_gracefully

READY = "--ready_fd="
"""Argument of a worker: the file descriptor it writes a byte to once it is connected."""


class WorkerPool(BeamFnExternalWorkerPoolServicer):
    """Answers StartWorker with ``python -m pipeline.worker`` and StopWorker by ending it.

    Every TaskManager numbers its workers from ``1-1``: those of several at one pool are told apart by their connection,
    or one that stops its worker would end another's, and with it the other's job.
    """

    worker_arguments: tuple[str, ...] = ()

    def StartWorker(self, start_worker_request: Any, context: Any) -> Any:
        ready_at, ready = os.pipe()
        command = [
            sys.executable, "-m", "pipeline.worker", f"{READY}{ready}",
            f"--control_endpoint={start_worker_request.control_endpoint.url}",
            f"--id={start_worker_request.worker_id}",
            *self.worker_arguments,
        ]  # fmt: skip
        try:
            worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=[ready])
        except OSError:
            os.close(ready_at)
            return beam_fn_api_pb2.StartWorkerResponse(error=traceback.format_exc())
        finally:
            os.close(ready)
        threading.Thread(target=worker.wait, daemon=True).start()  # leaves no zombie of one that ends by itself
        for key, other in list(self._worker_processes.items()):
            if other.poll() is not None:
                self._worker_processes.pop(key, None)
        self._worker_processes[f"{context.peer()} {start_worker_request.worker_id}"] = worker
        with os.fdopen(ready_at, "rb") as waiting:
            connected = bool(waiting.read(1))
        if connected and not context.is_active():  # its job was cancelled meanwhile: nobody will stop it
            worker.kill()
        if connected:
            return beam_fn_api_pb2.StartWorkerResponse()
        # Without this answer the TaskManager would wait for the worker for ever.
        worker_id, status = start_worker_request.worker_id, worker.wait()
        error = f"OSError: the Python worker {worker_id} ended with status {status} at its start"
        return beam_fn_api_pb2.StartWorkerResponse(error=error)

    def StopWorker(self, stop_worker_request: Any, context: Any) -> Any:
        worker_id = stop_worker_request.worker_id
        same = [key for key in list(self._worker_processes) if key.rpartition(" ")[2] == worker_id]
        asked = f"{context.peer()} {worker_id}"
        # From a connection that did not start it, when it is one of several: left alone, a worker ends with its
        # TaskManager's server.
        for key in [asked] if asked in same else same[: len(same) == 1]:
            worker = self._worker_processes.pop(key, None)
            if worker is not None:
                kill_process_gracefully(worker)
        return beam_fn_api_pb2.StopWorkerResponse()


def start_worker_pool(port: int = 0) -> tuple[str, Any]:
    """Start the pool in this process on `port` (0: any free one); return its address and its server."""
    address, server = WorkerPool.start(use_process=True, port=port)
    return str(address), server


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="Start Beam workers with this project's code for a TaskManager.")
    parser.add_argument("--port", type=int, required=True)
    WorkerPool.worker_arguments = ("--with_traces",)  # standard error is the worker's log here
    address, server = start_worker_pool(parser.parse_args().port)
    print(f"worker pool at {address}", file=sys.stderr)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        server.stop(0)


if __name__ == "__main__":
    main()
