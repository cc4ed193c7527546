"""How a command ends on an expected error or Ctrl-C: one line on stderr, exit code 2 or 130, no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.closed_pipe import quiet_on_closed_pipe
from schemas.printable import print_error, print_warnings_safely

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells tell it."""
INTERRUPTED_LINE = "interrupted; where a command keeps what it made, the same command goes on"


def _expected_cause(error: BaseException) -> BaseException | None:
    """Return the user's error inside `error`: itself, or what a Ray worker raised."""
    if isinstance(error, (ValueError, OSError)):
        return error
    failures = getattr(error, "worker_failures", None)
    if failures:
        for failure in failures.values():
            cause = getattr(failure, "cause", None) or getattr(failure, "__cause__", None) or failure
            if isinstance(cause, (ValueError, OSError)):
                return cause
    return None


@contextmanager
def expected_errors() -> Iterator[None]:
    """Turn ValueError and OSError into ``error: ...`` and exit code 2, Ctrl-C into 130; others keep their traceback."""
    print_warnings_safely()
    try:
        with quiet_on_closed_pipe():
            yield
    except KeyboardInterrupt:
        print(INTERRUPTED_LINE, file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        cause = _expected_cause(error)
        if cause is None:
            raise
        print_error(str(cause).splitlines()[0] if str(cause) else type(cause).__name__)
        sys.exit(2)
