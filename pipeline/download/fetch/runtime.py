"""What a worker process needs to fetch: an event loop in a thread, one HTTP session, the decode processes.

Made once per process and shared by all its shards, so connections, DNS answers, per-host limits and the
decode processes (0.2 s of imports each, 2.6 s with --decode fast) are shared too. The last user closes it.
"""

import asyncio
import contextlib
import functools
import hashlib
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from pipeline.download.config import DownloadConfig
from pipeline.download.content.evaluation_set import read_evaluation_hashes
from pipeline.download.decode.pool import DecodePool
from pipeline.download.fetch.local_image import read_local_image
from pipeline.download.fetch.queue import Fetched, FetchQueue, FetchTask, Wanted
from pipeline.download.fetch.request import Session, fetch, open_session, parse_url
from pipeline.download.fetch.retry import backoff_s
from pipeline.download.fetch.schedule import Place, Schedule
from pipeline.download.outcome import Body, Encoded, Failure, ImageReference, Seen
from pipeline.download.policy.gate import Policy
from pipeline.download.policy.sites import MAX_SITE_FILE_BYTES, MAX_SITE_REDIRECTS

Result = TypeVar("Result")

NUM_BLOCKING_THREADS = 32
"""Threads for DNS look-ups and local reads."""

START_TIMEOUT_S = 120.0


NOT_ASKED = Body(b"", None)
"""Stands for the answer of a host that was not asked, or not yet: it says nothing about it."""


class FetchRuntime:
    """Fetches images for any number of shards at once.

    At most `concurrency` bodies are in memory, and one for each request in the slow lane.
    """

    def __init__(self, config: DownloadConfig, roots: Mapping[str, str]) -> None:
        self._config = config
        self._roots = dict(roots)
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(NUM_BLOCKING_THREADS, thread_name_prefix="blocking"))
        self._requests: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name="fetch", daemon=True)
        self._thread.start()
        self._started.result(START_TIMEOUT_S)

    def submit(self, work: Coroutine[Any, Any, Result]) -> "Future[Result]":
        """Run a coroutine on the loop; it may use `get`."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End the decode processes, the session and the loop."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    async def get(
        self, key: str, url: str | None, reference: ImageReference | None, arguments: bytes = b"",
        wanted: Wanted | None = None,
    ) -> Fetched:  # fmt: skip
        """Return the finished image `key`, or why there is none, after all attempts.

        An image with a `reference` is here: its `url` tells where it came from and is not asked. `arguments`: see
        `content.arguments`. `wanted`: it is not kept, only seen.
        """
        parsed = None
        if reference is None and url is not None:
            parsed = parse_url(url)
            if parsed is None:
                return Fetched(Failure("url_invalid"), None, 0)
        host = parsed.host if parsed is not None else None
        done: asyncio.Future[Fetched] = asyncio.get_running_loop().create_future()
        task = FetchTask(key, url, reference, host, done, parsed, arguments=arguments, wanted=wanted)
        self._queue.put(task)
        return await task.done

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            raise
        finally:
            self._end_tasks()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def _end_tasks(self) -> None:
        """Cancel the shards that nobody waits for any more: a run that was interrupted."""
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    async def _serve(self) -> None:
        evaluation_hashes = read_evaluation_hashes(self._config)
        async with open_session(self._config) as session, DecodePool(self._config, evaluation_hashes) as pool:
            ask = functools.partial(ask_site_file, session, site_bounds(self._config))
            policy = Policy(self._config, ask, pool.training_mining)
            self._queue = FetchQueue(schedule_of(self._config))
            dispatcher = asyncio.create_task(self._dispatch(session, pool, policy))
            self._started.set_result(None)
            await self._stop.wait()
            dispatcher.cancel()
            for request in self._requests:
                request.cancel()
            await asyncio.gather(dispatcher, *self._requests, return_exceptions=True)

    async def _dispatch(self, session: Session, pool: DecodePool, policy: Policy) -> None:
        while True:
            place = await self._queue.take()
            request = asyncio.create_task(self._work(place, session, pool, policy))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)

    async def _work(self, place: Place[FetchTask], session: Session, pool: DecodePool, policy: Policy) -> None:
        try:
            await self._advance(place, session, pool, policy)
        except Exception as error:  # whatever it is belongs to who waits for the task, and fails the bundle
            if not place.task.done.done():
                place.task.done.set_exception(error)
        finally:
            self._queue.done(place)

    async def _advance(self, place: Place[FetchTask], session: Session, pool: DecodePool, policy: Policy) -> None:
        """Make one attempt: answer the task, or put it back for later."""
        task = place.task
        body: Body | Failure = NOT_ASKED
        try:
            refused, wait_s = await self._gated(task, policy)
            if wait_s > 0:
                self._loop.call_later(wait_s, self._queue.put, task)
                return
            body = refused or await self._body(task, session)
        finally:
            self._queue.answered(place, body)
        gate, task.gate = task.gate, None
        task.attempts += 1
        if isinstance(body, Body) and gate is not None and not await gate.may_keep(body.data):
            answer = Fetched(Failure("opted_out", body.http_status), body.http_status, len(body.data))
        elif isinstance(body, Body):
            result = await self._finished(body.data, task, pool)
            answer = Fetched(result, body.http_status, len(body.data))
        elif refused is None and gate is not None and body.retryable and task.attempts <= self._config.retries:
            wait_s = backoff_s(task.key, task.attempts, body.retry_after_s)
            self._loop.call_later(wait_s, self._queue.put, task)
            return
        else:
            answer = Fetched(body, body.http_status, 0)
        if not task.done.done():
            task.done.set_result(replace(answer, evidence=gate.evidence()) if gate is not None else answer)

    async def _finished(self, data: bytes, task: FetchTask, pool: DecodePool) -> Encoded | Failure | Seen:
        """Return the image of `data`, or what was wanted of it: other bytes are looked at, as they may be no image."""
        if task.wanted is None:
            return await pool.decode(data, task.arguments)
        if task.wanted.head_only:
            return Seen(None)
        sha256 = await self._loop.run_in_executor(None, _sha256, data)
        if sha256 != task.wanted.sha256:
            decoded = await pool.decode(data, task.arguments)
            if isinstance(decoded, Failure):
                return decoded
        return Seen(sha256)

    async def _gated(self, task: FetchTask, policy: Policy) -> tuple[Failure | None, float]:
        """Return why the task may not be asked for, or the seconds until it may be; of a local image neither."""
        if task.reference is not None or task.gate is not None:  # it waited for its time
            return None, 0.0
        assert task.parsed is not None
        gate = task.gate = policy.gate()
        refused = await gate.may_ask(task.parsed)
        return refused, 0.0 if refused else gate.wait_s(self._loop.time())

    async def _body(self, task: FetchTask, session: Session) -> Body | Failure:
        if task.reference is None:
            head_only = task.wanted is not None and task.wanted.head_only
            return await fetch(session, task.parsed, self._config, task.gate, head_only)
        return await self._loop.run_in_executor(
            None, read_local_image, task.reference, self._roots, self._config.max_body_bytes
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def schedule_of(config: DownloadConfig) -> Schedule[FetchTask]:
    """Return the schedule that the options ask for."""
    rate = config.max_requests_per_host_s
    return Schedule(
        num_slots=config.concurrency,
        num_lane=config.max_slow_requests,
        max_per_host=config.max_connections_per_host,
        delay_s=1 / rate if rate else 0.0,
    )


def site_bounds(config: DownloadConfig) -> DownloadConfig:
    """Return the options by which files of sites are asked for; its checks are not for each file."""
    return replace(config, max_body_bytes=MAX_SITE_FILE_BYTES, max_redirects=MAX_SITE_REDIRECTS)


async def ask_site_file(session: Session, bounds: DownloadConfig, url: str) -> Body | Failure:
    """Ask once for a file that says what a site wishes: a request as others are, with `site_bounds`."""
    return await fetch(session, parse_url(url), bounds)


_lock = threading.Lock()
_shared: dict[tuple[DownloadConfig, tuple[tuple[str, str], ...]], tuple[FetchRuntime, int]] = {}


def acquire_runtime(config: DownloadConfig, roots: tuple[tuple[str, str], ...]) -> FetchRuntime:
    """Return this process's runtime for `config`, made on first use; `release_runtime` it after use."""
    with _lock:
        runtime, users = _shared.get((config, roots)) or (FetchRuntime(config, dict(roots)), 0)
        _shared[config, roots] = (runtime, users + 1)
        return runtime


def release_runtime(config: DownloadConfig, roots: tuple[tuple[str, str], ...]) -> None:
    """Give back `acquire_runtime`; the last one closes it."""
    with _lock, contextlib.suppress(KeyError):
        runtime, users = _shared.pop((config, roots))
        if users > 1:
            _shared[config, roots] = (runtime, users - 1)
        else:
            runtime.close()


def close_runtimes() -> None:
    """Close what is left in this process: a runner does not promise to tear its functions down."""
    with _lock:
        for runtime, _ in _shared.values():
            runtime.close()
        _shared.clear()
