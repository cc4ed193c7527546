"""Starts the Python workers that a Flink TaskManager (or the embedded Flink) asks for, each a process of its own.

Beam's worker pool, but the workers are this Python, not whatever ``python`` is on PATH, and quiet. Run as a program
it is the side-car of a TaskManager: ``python -m pipeline.worker_pool --port 50000``.
"""

import argparse
import subprocess
import sys
import time
import traceback
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer


class WorkerPool(BeamFnExternalWorkerPoolServicer):
    """Answers StartWorker with ``python -m pipeline.worker``; Beam's own StopWorker ends it."""

    worker_arguments: tuple[str, ...] = ()

    def StartWorker(self, start_worker_request: Any, unused_context: Any) -> Any:
        command = [
            sys.executable, "-m", "pipeline.worker",
            f"--control_endpoint={start_worker_request.control_endpoint.url}",
            f"--id={start_worker_request.worker_id}",
            *self.worker_arguments,
        ]  # fmt: skip
        try:
            worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError:
            return beam_fn_api_pb2.StartWorkerResponse(error=traceback.format_exc())
        self._worker_processes[start_worker_request.worker_id] = worker
        return beam_fn_api_pb2.StartWorkerResponse()


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
