"""Images/s of good hosts while others answer after 2 s, and while these others answer at once.

Run by `make bench BENCH=slow_hosts`. Both times the same images of the same hosts, 500 good ones and a thousand others
of one image each, spread evenly; the time is that until all images of the good ones are there.
"""

import asyncio
import time

from pipeline.download.config import DownloadConfig
from pipeline.download.fetch.runtime import FetchRuntime
from tests.bench.timing import line
from tests.support.faulty_web import faulty_web

NUM_GOOD_HOSTS = 500
NUM_GOOD = 4_000
NUM_SLOW = 1_000
ROUNDS = 3
WANTED = 0.8


def good_rate(way: str) -> float:
    """Return images/s of the good hosts while the others answer in this `way`."""
    config = DownloadConfig(selection="s", output="o", allow_private_addresses=True, image_size=16)
    runtime = FetchRuntime(config, {})
    with faulty_web() as web:

        async def work() -> float:
            await asyncio.gather(*(runtime.get(f"w{n}", web.url(n, "good", n), None) for n in range(32)))
            start = time.perf_counter()
            slow, good = [], []
            for number in range(NUM_GOOD):
                url = web.url(number % NUM_GOOD_HOSTS, "good", number)
                good.append(asyncio.create_task(runtime.get(f"g{number}", url, None)))
                if number * NUM_SLOW // NUM_GOOD != (number + 1) * NUM_SLOW // NUM_GOOD:
                    late = web.url(10_000 + number, way, number)
                    slow.append(asyncio.create_task(runtime.get(f"s{number}", late, None)))
            await asyncio.gather(*good)
            rate = NUM_GOOD / (time.perf_counter() - start)
            await asyncio.gather(*slow)
            return rate

        try:
            return runtime.submit(work()).result()
        finally:
            runtime.close()


def main() -> None:
    rounds = [(good_rate("late"), good_rate("good")) for _ in range(ROUNDS)]
    with_slow, without = (max(found) for found in zip(*rounds, strict=True))
    line("slow-hosts", with_slow, "when they answer at once", without, "good images/s", WANTED)


if __name__ == "__main__":
    main()
