"""A worker process of Beam's local runner or of a worker pool: Beam's own, but quiet.

`pipeline.runner` starts it for ``--direct_running_mode multi_processing``, `pipeline.worker_pool` for Flink; Beam's
start, stop and channel lines (twenty per process and job) would bury what the commands say.
"""

import os
import sys
import threading
from typing import Any

from pipeline.logs import show_only_errors
from pipeline.processes import exit_with_parent


def _ignore_hang_up(arguments: Any) -> None:
    """Let the channel's threads end without a trace: the runner hangs up first when the job is over."""
    if "Multiplexer" not in str(arguments.exc_value) and "CANCELLED" not in str(arguments.exc_value):
        threading.__excepthook__(arguments)


if __name__ == "__main__":
    threading.excepthook = _ignore_hang_up
    show_only_errors(with_traces="--with_traces" in sys.argv)
    exit_with_parent()
    control = [argument for argument in sys.argv if argument.startswith("--control_endpoint=")]
    if control:
        from apache_beam.runners.worker.sdk_worker import SdkHarness

        worker_id = next(argument for argument in sys.argv if argument.startswith("--id="))
        harness = SdkHarness(control[0].partition("=")[2], worker_id=worker_id.partition("=")[2])
        for argument in sys.argv:
            if argument.startswith("--ready_fd="):  # the pool waits for it
                os.write(int(argument.partition("=")[2]), b"1")
                os.close(int(argument.partition("=")[2]))
        harness.run()
    else:
        from apache_beam.runners.worker import sdk_worker_main

        sdk_worker_main.main(sys.argv)
