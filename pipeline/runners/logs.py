"""Logging of the commands: Beam's warnings about parts that are not installed would bury what a command says."""

import logging
import threading
from typing import Any

from schemas.printable import PrintableFormatter


def show_only_errors(with_traces: bool = False) -> None:
    """Send errors to standard error and nothing else. Call before Beam is imported: it logs at import.

    Runners log the trace of a failed step, Python's and Java's, several times; the command tells the cause in one
    line at its end. `with_traces` keeps them: for workers whose log is the only place to look.
    """
    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)
    handler.setFormatter(PrintableFormatter())
    if not with_traces:
        handler.addFilter(_is_no_trace)
    logging.getLogger().addHandler(handler)


def _is_no_trace(record: logging.LogRecord) -> bool:
    # Beam's portable runner logs the cluster's messages by the root logger.
    return not record.name.startswith(("apache_beam.runners", "apache_beam.utils.subprocess_server")) and (
        record.module != "portable_runner"
    )


def ignore_hang_up(arguments: Any) -> None:
    """Let the threads of a runner's channels end without a trace: one side hangs up first, and is not lost unseen.

    To be `threading.excepthook`.
    """
    error = arguments.exc_value
    if not type(error).__module__.startswith("grpc") and "Multiplexer" not in str(error):
        threading.__excepthook__(arguments)
