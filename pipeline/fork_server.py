"""Workers of Beam's local runner as forks of the launcher as it was before it used gRPC: none imports anything again.

::

    launcher --fork--> server (waits) --fork--> worker of job 1, worker of job 2, ...
       |                   ^
       +-- Beam starts the command `client` per worker: sends its environment, ends when the worker does

Beam starts a worker as a command; importing Beam, Arrow and numba took each one 2 to 3 seconds of a core, in every job
of a command. The server is forked before the launcher has threads or gRPC channels, which do not survive a fork; where
that is too late `worker_command` gives None, and workers start as programs of their own (`pipeline.worker`).
"""

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
from pathlib import Path

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

from pipeline.logs import show_only_errors
from pipeline.processes import exit_with_parent

LOCAL_RUNNERS = ("", "DirectRunner", "FnApiRunner", "BundleBasedDirectRunner")

_DONE = b"0"


class _Server:
    """The one server of this process, once it is started: its socket, and the end that keeps it alive."""

    address: str = ""
    lifeline: socket.socket | None = None
    process: int = 0


def prepare_workers(beam_args: Sequence[str]) -> None:
    """Start the server if `beam_args` ask for worker processes of the local runner. Call at a command's start."""
    options = PipelineOptions(list(beam_args))
    local = (options.view_as(StandardOptions).runner or "") in LOCAL_RUNNERS
    if local and options.view_as(DirectOptions).direct_running_mode == "multi_processing":
        start_fork_server()


def start_fork_server() -> bool:
    """Fork the server unless it runs already; tell whether there is one. Call with all imported that workers need."""
    if _Server.process == os.getpid():
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
    _Server.address, _Server.lifeline, _Server.process = address, ours, os.getpid()
    return True


def worker_command() -> str | None:
    """Return the command that starts a worker by the server, or None when there is no server."""
    if _Server.process != os.getpid():
        return None
    client = Path(__file__).with_name("fork_client.py")
    return f"exec {shlex.quote(sys.executable)} -I -S {shlex.quote(str(client))} {shlex.quote(_Server.address)}"


def _serve(listener: socket.socket, lifeline: socket.socket) -> None:
    """Fork a worker for each client until the launcher is gone. Never returns."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the launcher says when it is over
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the workers
        gc.freeze()  # else the collector would write to, and so copy, every page it looks at
        while True:
            ready, _, _ = select.select([listener, lifeline], [], [])
            if lifeline in ready:
                shutil.rmtree(os.path.dirname(listener.getsockname()))
                break
            client, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                lifeline.close()
                _work(client)
            client.close()
        status = 0
    finally:
        os._exit(status)


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
        logging.getLogger().handlers.clear()  # the launcher's
        show_only_errors()
        from apache_beam.runners.worker import sdk_worker_main

        sdk_worker_main.main(["worker"])
        client.sendall(_DONE)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _exit_with(client: socket.socket) -> None:
    """End the worker when Beam has ended its client."""
    client.recv(1)
    os._exit(1)
