"""A job that failed in a worker, told in one line whatever the runner wraps around the cause."""

import re

_NAMES_AN_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Failed)\b.*")


class JobFailed(RuntimeError):
    """A step of the job failed in a worker; the message is its cause in one line."""


def cause_of(error: BaseException) -> str:
    """Return the last line of `error` that names an exception, with the step it came from."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if _NAMES_AN_EXCEPTION.match(line)]
    return named[-1] if named else f"{type(error).__name__}: {lines[-1] if lines else ''}"
