"""Child processes that end when their parent does, however it ends.

A job server or worker left behind by a killed launcher would hold memory and ports for ever. As a program this runs
another one that cannot watch its parent: ``python -m pipeline.runners.processes java -jar ...``.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
POLL_S = 1.0
STOP_S = 3.0


def exit_with_parent() -> None:
    """End this process soon after its parent is gone. Watches from a thread."""
    threading.Thread(target=_watch, args=(os.getppid(),), name="parent watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os._exit(1)


def die_with_parent() -> None:
    """Have the kernel end this process with its parent, however that ends; on Linux only.

    Kept by what this process executes: the last resort where a parent that is killed can end nothing.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run_below(command: list[str]) -> int:
    """Run `command` until it, or the parent of this process, ends; return its exit status.

    It gets a session of its own: Ctrl-C reaches the launcher alone, which needs the job server to cancel the job.
    """
    parent = os.getppid()
    child = subprocess.Popen(command, start_new_session=True, preexec_fn=die_with_parent)
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    while child.poll() is None and os.getppid() == parent and not asked.wait(0.2):
        pass
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


if __name__ == "__main__":
    os.setsid()  # a terminal's Ctrl-C must not reach this process either
    sys.exit(run_below(sys.argv[1:]))
