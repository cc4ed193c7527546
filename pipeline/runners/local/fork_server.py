"""Workers of Beam's local runner as forks of the launcher as it was before it used gRPC: none imports anything again.

::

    launcher --fork--> server (waits) --fork--> worker of job 1, worker of job 2, ...
       |                   ^
       +-- the command `client` per worker: sends its environment, ends when and as the worker does

A worker is started as a command; importing Beam, Arrow and numba took each one 2 to 3 seconds of a core, in every job
of a command. The server is forked before the launcher has threads or gRPC channels, which do not survive a fork; where
that is too late `worker_command` gives None, and workers start as programs of their own
(`pipeline.runners.local.worker`).
"""

import atexit
import gc
import json
import logging
import os
import random
import select
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions

from pipeline.runners.logs import ignore_hang_up, show_only_errors
from pipeline.runners.processes import exit_with_parent
from pipeline.runners.runner_name import is_local_runner


@dataclass(frozen=True)
class _Server:
    """The server of a process: its socket, and the end that keeps it alive."""

    address: str
    lifeline: socket.socket


_servers: dict[int, _Server] = {}
"""By process, which has one at most: a fork inherits the entry, not the server."""


def prepare_workers(beam_args: Sequence[str]) -> None:
    """Start the server if `beam_args` ask for worker processes of the local runner. Call at a command's start."""
    options = PipelineOptions(list(beam_args))
    if is_local_runner(options) and options.view_as(DirectOptions).direct_running_mode == "multi_processing":
        start_fork_server()


def start_fork_server() -> bool:
    """Fork the server unless it runs already; tell whether there is one. Call with all imported that workers need."""
    if os.getpid() in _servers:
        return True
    if not hasattr(os, "fork") or sys.platform == "darwin" or threading.active_count() > 1:
        return False
    import apache_beam.runners.worker.sdk_worker_main  # noqa: F401  what every worker runs

    folder = tempfile.mkdtemp(prefix="pipeline-workers-")  # mode 0700: who can connect can run code
    address = f"{folder}/socket"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork() == 0:
        ours.close()
        _serve(listener, theirs)
    listener.close()
    theirs.close()
    _servers[os.getpid()] = _Server(address, ours)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # a server that is killed leaves it
    return True


def worker_command() -> str | None:
    """Return the command that starts a worker by the server, or None when there is no server (any more)."""
    server = _servers.get(os.getpid())
    if server is None or _has_hung_up(server.lifeline):
        return None
    client = Path(__file__).with_name("fork_client.py")
    return f"{shlex.quote(sys.executable)} -I -S {shlex.quote(str(client))} {shlex.quote(server.address)}"


def _serve(listener: socket.socket, lifeline: socket.socket) -> None:
    """Fork a worker for each client until the launcher is gone. Never returns."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the launcher says when it is over
        ended, wake = os.pipe()
        os.set_blocking(ended, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, _note)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        gc.freeze()  # else the collector would write to, and so copy, every page it looks at
        clients: dict[int, socket.socket] = {}  # by worker
        while True:
            watched: list[Any] = [listener, lifeline, ended]
            ready, _, _ = select.select(watched, [], [])
            if lifeline in ready:
                shutil.rmtree(os.path.dirname(listener.getsockname()), ignore_errors=True)
                break
            if ended in ready:
                os.read(ended, 4096)
                _tell_ends(clients)
            if listener not in ready:
                continue
            client, _ = listener.accept()
            worker = os.fork()
            if worker == 0:
                signal.set_wakeup_fd(-1)
                for other in (listener, lifeline, *clients.values()):  # each must see when another's end closes
                    other.close()
                os.close(ended)
                os.close(wake)
                _work(client)
            clients[worker] = client
        status = 0
    finally:
        os._exit(status)


def _note(*_: object) -> None:
    """Be a handler, so that the signal wakes the server up."""


def _tell_ends(clients: dict[int, socket.socket]) -> None:
    """Send each client whose worker has ended the worker's exit status, as a shell counts it."""
    for worker in list(clients):
        ended, status = os.waitpid(worker, os.WNOHANG)
        if not ended:
            continue
        code = os.waitstatus_to_exitcode(status)
        with clients.pop(worker) as client, suppress(OSError):  # it may be gone
            client.sendall(bytes([code if code >= 0 else 128 - code]))


def _work(client: socket.socket) -> None:
    """Be a worker of Beam with the environment that `client` sends. Never returns."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        random.seed()
        with client.makefile("rb") as lines:
            environment = json.loads(lines.readline())
        os.environ.clear()
        os.environ.update(environment)
        exit_with_parent()
        threading.Thread(target=_exit_with, args=(client,), name="client watch", daemon=True).start()
        threading.excepthook = ignore_hang_up
        logging.getLogger().handlers.clear()  # the launcher's
        show_only_errors()
        from apache_beam.runners.worker import sdk_worker_main

        sdk_worker_main.main(["worker"])
        status = 0
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except BaseException:
        if not _has_hung_up(client):
            traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _has_hung_up(other: socket.socket) -> bool:
    """Tell whether the process at the other end of a connection that carries nothing now is gone."""
    return bool(select.select([other], [], [], 0)[0])


def _exit_with(client: socket.socket) -> None:
    """End the worker when its client has ended, or was ended."""
    client.recv(1)
    os._exit(1)
