"""Images/s of good hosts with and without slow ones among them: what 2 s of waiting for many costs the others.

Run by `make bench BENCH=slow_hosts`. One process serves 500 good hosts, and as many slow ones as there are good images,
each of which answers after 2 s; the time is that until all good images are there.
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


def good_rate(num_slow: int) -> float:
    """Return good images/s with `num_slow` slow hosts, of one image each, spread evenly among them."""
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
                if number * num_slow // NUM_GOOD != (number + 1) * num_slow // NUM_GOOD:
                    late = web.url(10_000 + number, "late", number)
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
    rounds = [(good_rate(NUM_SLOW), good_rate(0)) for _ in range(ROUNDS)]
    with_slow, without = (max(found) for found in zip(*rounds, strict=True))
    line("slow-hosts", with_slow, "without", without, "good images/s", WANTED)


if __name__ == "__main__":
    main()
