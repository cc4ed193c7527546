"""Flink's REST interface: what is there, which jobs run, cancel them.

As a program it stands between a launcher and Beam's job server, and cancels the launcher's jobs on the cluster when
the launcher is gone, however it ended: ``python -m pipeline.runners.flink.rest MASTER JOB_NAME java -jar ...``.
"""

import json
import os
import sys
import time
import urllib.request
from typing import Any

from pipeline.runners.processes import run_below

CANCEL_S = 30.0


def get(url: str) -> Any:
    """Return the parsed answer. Raises OSError or `json.JSONDecodeError`."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def cancel_jobs(master: str, job_name: str) -> None:
    """Cancel the jobs with `job_name` in their name on the cluster and wait until they have ended.

    By Flink's REST: the job server interrupts only its own thread that waits for the job. An embedded Flink ends with
    its job server. A cluster that does not answer is left alone: nobody is helped by a second error.
    """
    if not master.startswith("http"):
        return
    deadline = time.monotonic() + CANCEL_S
    while time.monotonic() < deadline:
        try:
            jobs = [job for job in get(f"{master}/jobs/overview")["jobs"] if job_name in job["name"]]
            running = [job["jid"] for job in jobs if job["end-time"] < 0]
            for number in running:
                request = urllib.request.Request(f"{master}/jobs/{number}?mode=cancel", method="PATCH")
                urllib.request.urlopen(request, timeout=5).close()
        except (OSError, ValueError):
            return
        if not running:
            return
        time.sleep(0.5)


if __name__ == "__main__":
    os.setsid()  # a terminal's Ctrl-C must not reach this process
    status = run_below(sys.argv[3:])
    cancel_jobs(sys.argv[1], sys.argv[2])
    sys.exit(status)
