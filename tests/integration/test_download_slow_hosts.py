"""Hosts that do not answer hold up nobody else: all other images are there while they are still waited for."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from pipeline.download.config import DownloadConfig
from pipeline.download.fetch.queue import Fetched
from pipeline.download.fetch.runtime import FetchRuntime
from pipeline.download.outcome import Encoded
from tests.support.faulty_web import faulty_web
from tests.support.waiting import PATIENCE_S

NUM_SLOW, NUM_GOOD = 100, 150


def config(**options: Any) -> DownloadConfig:
    values = {
        "selection": "s", "output": "o", "allow_private_addresses": True, "timeout_s": PATIENCE_S, "image_size": 16,
        "num_decode_processes": 1, "concurrency": 8,
    }  # fmt: skip
    return DownloadConfig(**(values | options))


def run(options: DownloadConfig, work: Any) -> Any:
    runtime = FetchRuntime(options, {})
    try:
        made: Coroutine[Any, Any, Any] = work(runtime)
        return runtime.submit(made).result(PATIENCE_S)
    finally:
        runtime.close()


def test_all_good_images_are_there_while_many_hosts_hold_their_answers() -> None:
    """Twelve times as many hosts that hold their answers as there are slots, mixed with good ones; none is known."""
    with faulty_web() as web:

        async def work(runtime: FetchRuntime) -> tuple[int, list[Fetched]]:
            slow, good = [], []
            for number in range(NUM_GOOD):
                if number < NUM_SLOW:
                    slow.append(asyncio.create_task(runtime.get(f"s{number}", web.url(number, "held", 0), None)))
                url = web.url(1000 + number, "good", number)
                good.append(asyncio.create_task(runtime.get(f"g{number}", url, None)))
            found = await asyncio.gather(*good)
            assert not any(task.done() for task in slow)
            held = web.waiting
            web.release()
            return held, [*found, *await asyncio.gather(*slow)]

        held, found = run(config(), work)
    assert held > 8
    assert all(isinstance(one.result, Encoded) for one in found)


def test_hosts_known_as_good_go_on_when_the_lane_is_full_of_slow_ones() -> None:
    with faulty_web() as web:

        async def work(runtime: FetchRuntime) -> list[Fetched]:
            first = [await runtime.get("first", web.url(9999, "good", 0), None)]
            slow = [
                asyncio.create_task(runtime.get(f"s{number}", web.url(number, "held", 0), None))
                for number in range(NUM_SLOW)
            ]
            good = [
                asyncio.create_task(runtime.get(f"g{number}", web.url(9999, "good", number), None))
                for number in range(NUM_GOOD)
            ]
            first += await asyncio.gather(*good)
            assert not any(task.done() for task in slow)
            web.release()
            return [*first, *await asyncio.gather(*slow)]

        found = run(config(max_slow_requests=4), work)
    assert all(isinstance(one.result, Encoded) for one in found)
