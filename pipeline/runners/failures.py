"""A job that failed in a worker, told in one line whatever the runner wraps around the cause."""

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

from schemas.printable import one_line

_NAMES_AN_EXCEPTION = re.compile(r"(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Failed|Invalid))(?::|$)")
_JAVA = re.compile(r"(Caused by: )?(java|javax|org|io|com|sun|scala)\.[\w.$]+")
_ENDS_A_MESSAGE = re.compile(
    r"\s*$|Traceback |During handling |The above exception |\s+(File \"|at |\.\.\. )|Caused by: "
)
_JOB = re.compile(r"^RuntimeError: Pipeline \S+ failed in state \w+: ")
_STEP = re.compile(r"\[while running '[^']*'\]")
_GRPC = re.compile(r"\bstatus = StatusCode\.(\w+)\s+details = \"(.*)\"$", re.MULTILINE)
_JAVA_CAUSE = re.compile(r"^(?:Caused by: )?(?:[\w.$]+\.)?(\w+(?:Exception|Error)): (.+)$", re.MULTILINE)

MAX_LENGTH = 1_000


class JobFailed(RuntimeError):
    """A step of the job failed in a worker; the message is its cause in one line."""


class WorkerLost(JobFailed):
    """A worker process ended before its job; the message says how."""


class ElementFailed(RuntimeError):
    """A step failed at one element; the message begins with the element's file or name."""


def resume_line(cause: str) -> str:
    """Return what a command says last that ends for `cause`, of which nothing is lost that was finished."""
    return f"error: {one_line(cause)}; run the same command again to resume"


def names_element(process: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a DoFn's ``process``: what it raises at an element says at which file (or name) that was."""

    @functools.wraps(process)
    def named(self: Any, element: Any, *arguments: Any, **more: Any) -> Iterator[Any]:
        try:
            yield from process(self, element, *arguments, **more) or ()
        except (OSError, ValueError, ArithmeticError, LookupError, TypeError, MemoryError) as error:
            name = getattr(element, "path", None) or getattr(element, "name", None) or _key_of(element)
            raise ElementFailed(f"{name}: {type(error).__name__}: {error}") from error

    # The names of side inputs: where Beam checks the types of elements, it looks for them without `__wrapped__`.
    cast(Any, named).__signature__ = inspect.signature(process)
    return named


def _key_of(element: Any) -> str:
    return f"partition {element[0]}" if isinstance(element, tuple) else type(element).__name__


def cause_of(error: BaseException) -> str:
    """Return what `error` comes from in one line: the last Python exception in its text, with its step.

    Runners give the text of a trace, often several around each other, Java's around Python's. Where there is only
    Java's, its innermost cause is taken.
    """
    grpc = _GRPC.search(str(error))
    if grpc is not None and type(error).__module__.startswith("grpc"):
        return f"{grpc[1]}: {grpc[2]}"[:MAX_LENGTH]
    lines = str(error).splitlines()
    found = ""
    for number, line in enumerate(lines):
        bare = line.strip()
        if not _NAMES_AN_EXCEPTION.match(bare) or _JAVA.match(bare):
            continue
        message = [bare]
        for following in lines[number + 1 :]:
            if _ENDS_A_MESSAGE.match(following) or _NAMES_AN_EXCEPTION.match(following):
                break
            message.append(following.strip())
        if "[while running" in found and "[while running" not in " ".join(message):
            continue  # what came out of the step is told before what the worker makes of it
        found = " ".join(message)
    if not found:
        java = _JAVA_CAUSE.findall(str(error))
        found = ": ".join(java[-1]) if java else ""
    if not found:
        whole = [line.strip() for line in lines if line.strip()]
        found = f"{type(error).__name__}: {whole[-1] if whole else ''}"
    step = _STEP.findall(found)  # one for each step around it: the innermost is where it was
    found = _JOB.sub("", found)
    found = found.removeprefix(f"{ElementFailed.__module__}.{ElementFailed.__name__}: ")
    return " ".join(" ".join([_STEP.sub("", found), *step[:1]]).split())[:MAX_LENGTH] or found
