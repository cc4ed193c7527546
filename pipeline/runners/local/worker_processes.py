"""Worker processes of Beam's local runner, watched: one that is killed ends its job, where Beam would wait for ever.

In: the command that starts a worker. Out: the job's error within seconds, in place of answers that never come::

    a worker ends before its job --> its siblings are killed, each request that waits is answered with an error
                                     the runner is not done in STOP_S --> one line, and the launcher ends

Beam waits for a worker's answers without a limit, and for its end in a thread whose error nobody sees.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any

from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler
from google.protobuf import json_format, text_format

from pipeline.runners.failures import resume_line
from pipeline.runners.local.fork_client import SERVER_GONE
from pipeline.runners.logs import ignore_hang_up

STOP_S = 15.0
"""How long the runner may take to come back from a job that has lost a worker."""

END_S = 10.0
"""How long a worker may take to end when its job is over."""

_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE)


class JobWorkers:
    """The worker processes of one job. Use as a context manager around the job."""

    _current: "JobWorkers | None" = None

    def __init__(self) -> None:
        self.lost = ""
        """How the first worker ended that was not to end; empty while all are well."""
        self._lock = threading.Lock()
        self._workers: list[WorkerProcess] = []
        self._over = threading.Event()

    def __enter__(self) -> "JobWorkers":
        WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)(WorkerProcess)
        JobWorkers._current = self
        threading.excepthook = ignore_hang_up  # Beam's readers, when a worker's connection breaks
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        JobWorkers._current = None

    @classmethod
    def add(cls, worker: "WorkerProcess") -> "JobWorkers":
        """Let the job that runs now know of its `worker`; return the job."""
        job = cls._current or cls()
        with job._lock:
            job._workers.append(worker)
        return job

    @classmethod
    def lose_one(cls, status: int) -> None:
        """End the job that runs now, if any, because a worker of a runner's own ended with `status`."""
        if cls._current is not None:
            cls._current.lose(how_it_ended(status))

    def lose(self, cause: str) -> None:
        """End the job for `cause`; end this process when the runner does not come back. Call from a thread."""
        with self._lock:
            if self.lost or self._over.is_set():
                return
            self.lost = cause
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.connection.fail(cause)
        if not self._over.wait(STOP_S):
            print(resume_line(cause), file=sys.stderr, flush=True)
            os._exit(1)


class _Connection:
    """A worker's control connection whose requests are all answered, once it is lost by an error."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: list[Any] = []
        self._error = ""

    def push(self, request: Any) -> Any:
        future = self._connection.push(request)
        if future is not None:
            with self._lock:
                self._waiting = [other for other in self._waiting if not other.is_done()] + [future]
                if self._error:
                    self._answer_all()
        return future

    def fail(self, error: str) -> None:
        """Answer what waits, and all that comes, with `error`."""
        with self._lock:
            self._error = error
            self._answer_all()

    def _answer_all(self) -> None:
        for future in self._waiting:
            if not future.is_done():  # Beam's own `abort` leaves it not done, so that reading its data would go on
                response = beam_fn_api_pb2.InstructionResponse(instruction_id=future.instruction_id, error=self._error)
                future.set(response)
        self._waiting = []

    def close(self) -> None:
        self._connection.close()


class WorkerProcess(GrpcWorkerHandler):
    """Beam's handler of a worker that is a process, and knows how it ended."""

    control_conn: Any

    def __init__(self, command: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        self.connection = _Connection(self.control_conn)
        self.control_conn = self.connection
        self._command = shlex.split(command.decode())
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closing = False

    def start_worker(self) -> None:
        job = JobWorkers.add(self)
        environment = {
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(self.control_api_service_descriptor()),
            "PIPELINE_OPTIONS": json_format.MessageToJson(self.provision_info.provision_info.pipeline_options),
            "WORKER_ID": self.worker_id,
        }
        self._process = subprocess.Popen(self._command, env=os.environ | environment, stdin=subprocess.DEVNULL)
        self._watcher = threading.Thread(
            target=self._watch, args=(self._process, job), name="worker watch", daemon=True
        )
        self._watcher.start()

    def _watch(self, process: "subprocess.Popen[bytes]", job: JobWorkers) -> None:
        status = process.wait()
        if not self._is_closing:
            job.lose(how_it_ended(status))

    def kill(self) -> None:
        """End the process at once: it is the worker, or the client that a fork ends with."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        self._is_closing = True
        super().close()

    def stop_worker(self) -> None:
        """Wait until the process has ended; its connection is closed already."""
        if self._process is not None:
            self._watcher.join(END_S)  # `Popen.wait` with a time asks again and again, up to 50 ms apart
            self._process.kill()
            self._process.wait()


def how_it_ended(status: int) -> str:
    """Return in words how a worker ended whose exit status is `status`: negative, or 128 more, for a signal."""
    number = -status if status < 0 else status - 128 if 128 < status < 128 + signal.NSIG else 0
    if status == SERVER_GONE:
        return "the process that starts the workers was killed (did memory run out?)"
    if not number:
        return f"a worker ended with status {status}"
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if number in _CRASHES:
        return f"a worker crashed ({name})"
    memory = "; did memory run out?" if number == signal.SIGKILL else ""  # what the kernel sends then
    return f"a worker was killed ({name}{memory})"
