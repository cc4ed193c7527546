"""A worker process of Beam's local runner or of a worker pool: Beam's own, but quiet.

`pipeline.runners.runner` starts it for ``--direct_running_mode multi_processing``, `pipeline.runners.flink.worker_pool`
for Flink; Beam's start, stop and channel lines (twenty per process and job) would bury what the commands say.
"""

import os
import sys
import threading

from pipeline.runners.logs import ignore_hang_up, show_only_errors
from pipeline.runners.processes import exit_with_parent

if __name__ == "__main__":
    threading.excepthook = ignore_hang_up
    show_only_errors(with_traces="--with_traces" in sys.argv)
    exit_with_parent()
    control = [argument for argument in sys.argv if argument.startswith("--control_endpoint=")]
    if control:
        import grpc
        from apache_beam.runners.worker.sdk_worker import SdkHarness

        worker_id = next(argument for argument in sys.argv if argument.startswith("--id="))
        harness = SdkHarness(control[0].partition("=")[2], worker_id=worker_id.partition("=")[2])
        for argument in sys.argv:
            if argument.startswith("--ready_fd="):  # the pool waits for it
                os.write(int(argument.partition("=")[2]), b"1")
                os.close(int(argument.partition("=")[2]))
        try:
            harness.run()
        except grpc.RpcError:  # hung up on
            if "--with_traces" in sys.argv:
                raise
            sys.exit(1)
    else:
        from apache_beam.runners.worker import sdk_worker_main

        sdk_worker_main.main(sys.argv)
