"""One range request: a part of a file on any fsspec filesystem, within a time.

In: a file, the bytes wanted of it, where they go. Out: those bytes, or an error that says whether another try can help.
All requests of a process run in fsspec's own event loop, so that one that hangs can be ended from outside; what comes
from a web server is written from there, piece by piece while it is in the processor's cache.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from trainer.data.shard_source import BlockPlace

if TYPE_CHECKING:
    import aiohttp


STALL_S = 30.0
"""So long no byte may come from a web server; S3's and Google's clients have limits of their own."""
READ_BUFFER_BYTES = 1 << 20
"""Of a connection: with aiohttp's 64 KiB it stops and goes on 140 times a block."""

MAY_PASS = (408, 425, 429)
"""Of the statuses 4xx those that another try can help."""

MARKS = ("ETag", "Last-Modified")
"""What a web server says by which one version of a file is told from another."""

Sink = Callable[[bytes, int], object]
"""Takes a piece of the bytes asked for, and where in them it begins; those of another try come once more."""


class NotAsIndexed(ValueError):
    """The file is not the one that was indexed, or cannot be read in ranges: another try cannot help."""


class ReadingEnded(Exception):
    """`RangeRequests.abort` was called."""


class RangeRequests:
    """Makes range requests from several threads, and ends them all at once."""

    def __init__(self) -> None:
        self._running: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._aborted = threading.Event()
        self._marks: dict[str, tuple[str, ...]] = {}
        """Of each file that was read: what tells one version of it from another."""

    def get(self, place: BlockPlace, timeout_s: float, sink: Sink) -> None:
        """Write the bytes at a place, asked for once, to `sink`; when this returns it has had them all.

        Raises FileNotFoundError for a file that is gone, `NotAsIndexed` where no other try can help, `ReadingEnded`
        after `abort`, what `sink` raises, else what the filesystem raises, or TimeoutError.
        """
        fs, path, begin, end = place.folder.fs, place.folder.path(place.tar), place.begin, place.end
        if not getattr(fs, "async_impl", False):
            sink(_exactly(fs.cat_file(path, start=begin, end=end), begin, end), 0)
            return
        is_http = _is_http(fs)
        asked = self._http_range(place, sink) if is_http else fs._cat_file(path, start=begin, end=end)
        running = asyncio.run_coroutine_threadsafe(_within(asked, timeout_s), fs.loop)
        with self._lock:
            self._running.add(running)
        try:
            if self._aborted.is_set():
                running.cancel()
            found = running.result()
            if not is_http:
                sink(_exactly(found, begin, end), 0)
        except CancelledError as error:
            raise ReadingEnded("the run ends") from error
        finally:
            with self._lock:
                self._running.discard(running)

    async def _http_range(self, place: BlockPlace, sink: Sink) -> None:
        """Write a range of what a web server has to `sink`.

        fsspec's own request takes the whole file from a server that does not know ranges.
        """
        fs, begin, end = place.folder.fs, place.begin, place.end
        options = dict(fs.kwargs)
        wanted = {"Range": f"bytes={begin}-{end - 1}", "Accept-Encoding": "identity"}
        options["headers"] = {**options.get("headers", {}), **wanted}
        import aiohttp  # not among what a loader for others needs: who reads over HTTP has it by fsspec

        options.setdefault("timeout", aiohttp.ClientTimeout(total=None, sock_connect=STALL_S, sock_read=STALL_S))
        session = await fs.set_session()
        url = fs.encode_url(place.folder.path(place.tar))
        async with session.get(url, read_bufsize=READ_BUFFER_BYTES, **options) as answer:
            _check_status(answer, begin, end, place.tar_bytes)
            self._check_marks(answer, str(url))
            got = 0
            async for piece, _ in answer.content.iter_chunks():  # as they came: any other way joins them first
                piece = piece[: end - begin - got]
                sink(piece, got)
                got += len(piece)
                if got == end - begin:
                    break
        if got < end - begin:
            raise OSError(f"{got} bytes came, expected {end - begin}")

    def _check_marks(self, answer: "aiohttp.ClientResponse", url: str) -> None:
        """Raise `NotAsIndexed` for a file that is another than when it was first read.

        Of those that came both times all must differ: servers that share a name and a disk can have their own ETags.
        So where a server sends one of them alone, that one decides.
        """
        marks = tuple(answer.headers.get(mark, "") for mark in MARKS)
        first = self._marks.setdefault(url, marks)
        sent = [found for found in zip(MARKS, marks, first, strict=True) if found[1] and found[2]]
        if sent and all(now != before for _, now, before in sent):
            mark, now, before = sent[0]
            raise NotAsIndexed(f"it was written again while the run reads it: {mark} {now}, at first {before}")

    def pause(self, seconds: float) -> None:
        """Wait before another try. Raises `ReadingEnded` as soon as `abort` is called."""
        if self._aborted.wait(seconds):
            raise ReadingEnded("the run ends")

    def abort(self) -> None:
        """End what runs, and all that begins until `resume`."""
        self._aborted.set()
        with self._lock:
            for running in self._running:
                running.cancel()

    def resume(self) -> None:
        self._aborted.clear()


def _is_http(fs: Any) -> bool:
    protocols = [fs.protocol] if isinstance(fs.protocol, str) else fs.protocol
    return "http" in protocols or "https" in protocols


async def _within(asked: Coroutine[Any, Any, Any], timeout_s: float) -> Any:
    try:
        return await asyncio.wait_for(asked, timeout_s)
    except asyncio.TimeoutError as error:
        raise TimeoutError(f"no whole answer in {timeout_s:g} s") from error


def _exactly(data: bytes, begin: int, end: int) -> bytes:
    """Return `data` when it has the bytes that were asked for; an answer that breaks off raises before."""
    if len(data) > end - begin:
        raise NotAsIndexed(f"{len(data)} bytes came for a range of {end - begin}: the server does not serve ranges")
    if len(data) < end - begin:
        raise NotAsIndexed(f"it has no more than {begin + len(data)} bytes, the index has a sample that ends at {end}")
    return data


def _check_status(answer: "aiohttp.ClientResponse", begin: int, end: int, tar_bytes: int) -> None:
    """Raise what an answer means that is not the range asked for."""
    if answer.status in (404, 410):
        raise FileNotFoundError(str(answer.url))
    if answer.status == 200 and (begin > 0 or answer.content_length != end):
        raise NotAsIndexed("the server sends the whole file for a range of it; expected one that serves byte ranges")
    if answer.status == 416:
        raise NotAsIndexed(f"the server has no bytes {begin} to {end} of it; the index has a sample there")
    if answer.status not in (200, 206):
        reason = f"status {answer.status} {answer.reason}"
        if 400 <= answer.status < 500 and answer.status not in MAY_PASS:
            raise NotAsIndexed(reason)
        raise OSError(reason)
    at, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes").strip().partition("/")
    if answer.status == 206 and at and at != f"{begin}-{end - 1}":
        raise NotAsIndexed(f"bytes {at} of {total} came for bytes {begin}-{end - 1}")
    if answer.status == 206 and tar_bytes > 0 and total.isdecimal() and int(total) != tar_bytes:
        raise NotAsIndexed(f"it has {total} bytes, the index was made of {tar_bytes}")
