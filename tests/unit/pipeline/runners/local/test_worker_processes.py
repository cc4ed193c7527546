"""How a worker ended, in words; and that requests to a lost worker are answered."""

import signal
from typing import Any

import pytest

from pipeline.runners.local.fork_client import SERVER_GONE
from pipeline.runners.local.worker_processes import JobWorkers, _Connection, how_it_ended


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (-signal.SIGKILL, "a worker was killed (SIGKILL; did memory run out?)"),
        (128 + signal.SIGKILL, "a worker was killed (SIGKILL; did memory run out?)"),
        (-signal.SIGTERM, "a worker was killed (SIGTERM)"),
        (-signal.SIGSEGV, "a worker crashed (SIGSEGV)"),
        (3, "a worker ended with status 3"),
        (0, "a worker ended with status 0"),
        (128, "a worker ended with status 128"),
        (SERVER_GONE, "the process that starts the workers was killed (did memory run out?)"),
    ],
)
def test_how_it_ended(status: int, words: str) -> None:
    assert how_it_ended(status) == words


def test_every_status_has_words() -> None:
    assert all(how_it_ended(status).strip() for status in range(-signal.NSIG + 1, 256))


class Future:
    """As Beam's."""

    def __init__(self, number: str) -> None:
        self.instruction_id, self.answer = number, None

    def is_done(self) -> bool:
        return self.answer is not None

    def set(self, answer: Any) -> None:
        assert self.answer is None
        self.answer = answer


class Control:
    """Beam's control connection, whose worker never answers."""

    def push(self, request: Any) -> Any:
        return Future(request) if request else None


def test_requests_that_wait_and_that_come_are_answered_once_a_worker_is_lost() -> None:
    connection = _Connection(Control())
    waiting, done = connection.push("1"), connection.push("2")
    done.set("well")
    assert connection.push(None) is None
    assert not waiting.is_done()
    connection.fail("a worker was killed")
    assert (waiting.answer.instruction_id, waiting.answer.error) == ("1", "a worker was killed")
    assert done.answer == "well"
    assert connection.push("3").answer.error == "a worker was killed"


def test_a_job_that_is_over_loses_no_worker() -> None:
    with JobWorkers() as job:
        pass
    job.lose("too late")
    JobWorkers.lose_one(1)  # no job runs
    assert job.lost == ""
