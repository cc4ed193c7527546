"""The schedule on an event loop: what may start starts, by an answer, a pause that ends, or patience that does."""

import asyncio
from typing import Any

import pytest

from pipeline.download.fetch.queue import FetchQueue, FetchTask, outcome_of
from pipeline.download.fetch.schedule import Place, Schedule
from pipeline.download.outcome import Body, Failure
from tests.support.waiting import PATIENCE_S


def task(number: int, host: str | None) -> FetchTask:
    return FetchTask(str(number), None, None, host, asyncio.get_running_loop().create_future())


def queue(**options: int) -> FetchQueue:
    return FetchQueue(Schedule(**({"num_slots": 4, "num_lane": 4, "max_per_host": 4} | options)))


async def taken(found: FetchQueue) -> Place[FetchTask]:
    return await asyncio.wait_for(found.take(), PATIENCE_S)


def test_a_full_host_does_not_stop_the_next_one() -> None:
    async def run() -> list[str]:
        found = queue(max_per_host=1)
        for number, host in enumerate(["slow", "slow", "good", None]):
            found.put(task(number, host))
        places = [await taken(found) for _ in range(3)]
        waiting = asyncio.create_task(taken(found))
        await asyncio.sleep(0)
        assert not waiting.done()
        found.answered(places[0], Body(b"", 200))
        return [place.task.key for place in [*places, await waiting]]

    assert asyncio.run(run()) == ["0", "2", "3", "1"]


def test_a_slot_that_waits_for_its_server_goes_to_the_next() -> None:
    async def run() -> list[str]:
        found = queue(num_slots=1)
        for number in range(3):
            found.put(task(number, f"host{number}"))
        return [(await taken(found)).task.key for _ in range(3)]  # nobody answers

    assert asyncio.run(run()) == ["0", "1", "2"]


def test_a_pause_ends_by_itself() -> None:
    async def run() -> str:
        found = queue()
        found.put(task(0, "busy"))
        place = await taken(found)
        found.answered(place, Failure("http_error", 429, True, 0.2))
        found.done(place)
        found.put(task(1, "busy"))
        start = asyncio.get_running_loop().time()
        again = await taken(found)
        assert asyncio.get_running_loop().time() >= start + 0.1
        return again.task.key

    assert asyncio.run(run()) == "1"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (Body(b"", 200), "answered"), (Failure("http_error", 404), "answered"), (Failure("opted_out", 200), "answered"),
        (Failure("http_error", 429, True), "refused"), (Failure("http_error", 503, True), "refused"),
        (Failure("http_error", 500, True), "answered"), (Failure("timed_out", None, True), "lost"),
        (Failure("connect_failed", None, True), "lost"), (Failure("body_truncated", None, True), "answered"),
    ],
)  # fmt: skip
def test_what_an_answer_says_of_its_host(body: Any, expected: str) -> None:
    assert outcome_of(body) == expected
