"""`pipeline download --preflight`: asks for a sample of the selection as a download would, and writes nothing."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pipeline.download.config import DownloadConfig
from pipeline.download.decode.pool import available_cores
from pipeline.download.fetch.queue import Fetched
from pipeline.download.fetch.request import parse_url
from pipeline.download.fetch.resolver import system_lookup
from pipeline.download.fetch.runtime import FetchRuntime
from pipeline.download.outcome import Failure
from pipeline.download.preflight.advice import Machine, Measured, this_machine
from pipeline.download.preflight.estimate import quantile, steady_rate
from pipeline.download.preflight.sample import sample_urls
from schemas.manifest import read_manifest
from schemas.sample import STATUS_SUCCESS
from schemas.storage import Folder

NUM_NAME_THREADS = 32

NUM_FIRST = 10
"""URLs that are asked for before the time is taken."""


def run_preflight(config: DownloadConfig) -> tuple[Measured, Machine]:
    """Ask for a sample of `config.selection`; return what it showed, and what the machine allows.

    Raises FileNotFoundError or ValueError when the selection is unfinished.
    """
    selection = Folder(config.selection)
    num_rows = read_manifest(selection, "selection")["rows"]
    urls = sample_urls(selection).urls
    hosts = Counter(parsed.host for url in urls if (parsed := parse_url(url)) is not None and parsed.host)
    dns_s = time_names(list(hosts))
    found, done_s = _fetch(config, urls)
    outcomes = Counter(one.result.reason if isinstance(one.result, Failure) else STATUS_SUCCESS for one in found)
    return (
        Measured(
            num_rows=num_rows,
            asked=len(urls),
            outcomes=dict(outcomes),
            statuses=dict(Counter(one.http_status for one in found if one.http_status is not None)),
            body_bytes=sum(one.body_bytes for one in found),
            images_per_s=steady_rate(done_s),
            dns_median_s=quantile(dns_s, 0.5),
            dns_slow_s=quantile(dns_s, 0.9),
            largest_host=max(hosts.values(), default=0),
        ),
        this_machine(available_cores()),
    )


def time_names(hosts: Sequence[str]) -> list[float]:
    """Return how long the look-up of each host took, found or not."""
    with ThreadPoolExecutor(NUM_NAME_THREADS) as threads:
        return list(threads.map(_time_name, hosts))


def _time_name(host: str) -> float:
    start = time.perf_counter()
    with contextlib.suppress(OSError, UnicodeError):
        system_lookup(host)
    return time.perf_counter() - start


def _fetch(config: DownloadConfig, urls: Sequence[str]) -> tuple[list[Fetched], list[float]]:
    runtime = FetchRuntime(config, {})
    try:
        return runtime.submit(_get_all(runtime, urls)).result()
    finally:
        runtime.close()


async def _get_all(runtime: FetchRuntime, urls: Sequence[str]) -> tuple[list[Fetched], list[float]]:
    start = 0.0

    async def get(key: str, url: str) -> tuple[Fetched, float]:
        return await runtime.get(key, url, None), time.perf_counter() - start

    tasks = [(f"{place:032x}", url) for place, url in enumerate(urls)]
    first = await asyncio.gather(*(get(*task) for task in tasks[:NUM_FIRST]))  # decode processes start meanwhile
    start = time.perf_counter()
    found = await asyncio.gather(*(get(*task) for task in tasks[NUM_FIRST:]))
    return [one for one, _ in [*first, *found]], [done_s for _, done_s in found]
