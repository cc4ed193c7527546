"""How a command ends whose output nobody reads any more (``trainer train --help | head``): in silence, with 141."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

EXIT_CODE = 141
"""What a shell tells of a tool that SIGPIPE ended: 128 + 13."""


@contextmanager
def quiet_on_closed_pipe() -> Iterator[None]:
    """End the process with `EXIT_CODE` when stdout or stderr is a pipe without a reader.

    A BrokenPipeError of anything else, such as a connection, goes on.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        closed = [stream for stream in (sys.stdout, sys.stderr) if _has_no_reader(stream)]
        if not closed:
            raise
        nothing = os.open(os.devnull, os.O_WRONLY)
        for stream in closed:
            os.dup2(nothing, stream.fileno())  # the interpreter flushes it once more
        raise SystemExit(EXIT_CODE) from None


def _has_no_reader(stream: TextIO) -> bool:
    poll = select.poll()
    try:
        poll.register(stream.fileno(), 0)  # errors are always told
    except (OSError, ValueError):  # not a file of the system's, or closed
        return False
    return any(events & select.POLLERR for _, events in poll.poll(0))
