"""The order of requests: per-host bound, nobody forgotten, slow hosts hold up nobody else."""

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.fetch.queue import FetchQueue, FetchTask


def task(number: int, host: str | None, loop: asyncio.AbstractEventLoop) -> FetchTask:
    return FetchTask(str(number), None, None, host, loop.create_future())


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=40), st.integers(1, 3), st.randoms())
def test_every_task_comes_once_and_no_host_gets_too_many(hosts: list[str | None], most: int, choose) -> None:
    async def run() -> None:
        queue = FetchQueue(most)
        for number, host in enumerate(hosts):
            queue.put(task(number, host, asyncio.get_running_loop()))
        active: list[FetchTask] = []
        seen: list[str] = []
        while len(seen) < len(hosts):
            try:
                taken = await asyncio.wait_for(queue.take(), 0.001 if active else 1)
            except (asyncio.TimeoutError, TimeoutError):
                taken = None
            if taken is not None:
                active.append(taken)
                seen.append(taken.key)
                by_host = Counter(t.host for t in active if t.host)
                assert max(by_host.values(), default=0) <= most
            if active and (taken is None or choose.random() < 0.5):
                queue.release(active.pop(choose.randrange(len(active))))
        assert sorted(map(int, seen)) == list(range(len(hosts)))

    asyncio.run(run())


def test_a_full_host_does_not_stop_the_next_one() -> None:
    async def run() -> list[str]:
        queue = FetchQueue(1)
        loop = asyncio.get_running_loop()
        for number, host in enumerate(["slow", "slow", "slow", "good"]):
            queue.put(task(number, host, loop))
        first, second = await queue.take(), await queue.take()
        queue.release(first)
        third = await queue.take()
        return [first.key, second.key, third.key]

    assert asyncio.run(run()) == ["0", "3", "1"]
