"""A worker process of Beam's local runner, as Beam's own but quiet: only errors reach standard error.

`pipeline.runner` starts it for ``--direct_running_mode multi_processing``; Beam's start, stop and channel
lines (twenty per process and job) would bury what the commands say.
"""

import sys

from pipeline.logs import show_only_errors

if __name__ == "__main__":
    show_only_errors()
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)
