"""Jobs run in order beside the caller; a failure is raised to it and ends what follows."""

import threading

import pytest

from tests.support.waiting import wait_until
from trainer.saving.background import Background


def test_jobs_run_in_order_while_the_caller_goes_on() -> None:
    background, may_run, done = Background("test"), threading.Event(), []
    background.put(may_run.wait)  # type: ignore[arg-type]
    for number in range(20):
        background.put(lambda number=number: done.append(number))  # type: ignore[misc]
    assert done == []
    may_run.set()
    background.wait()
    assert done == list(range(20))
    background.close()


def fail() -> None:
    raise OSError("no space left")


@pytest.mark.parametrize("call", ["check", "wait", "close"])
def test_a_failure_is_raised_once_and_nothing_is_done_after_it(call: str) -> None:
    background, done, failed = Background("test"), [], threading.Event()

    def failing() -> None:
        failed.set()
        fail()

    background.put(failing)
    failed.wait()
    wait_until(lambda: background.has_failed, "the failure")
    with pytest.raises(OSError, match="no space left"):
        getattr(background, call)()
    if call != "close":
        background.put(lambda: done.append(1))
        background.close()
    assert done == []


def test_a_failure_is_passed_over_where_another_is_on_its_way() -> None:
    background = Background("test")
    background.put(fail)
    background.close(raises=False)


def test_a_block_ends_the_thread_and_raises_what_a_job_failed_with() -> None:
    done: list[int] = []
    with Background("test") as background:
        background.put(lambda: done.append(1))
    assert done == [1]
    with pytest.raises(OSError, match="no space left"), Background("test") as background:
        background.put(fail)


def test_the_failure_of_the_block_comes_before_that_of_a_job() -> None:
    def failing_block() -> None:
        with Background("test") as background:
            background.put(fail)
            raise ValueError("the block's")

    with pytest.raises(ValueError, match="the block's"):
        failing_block()
