"""A web of many hosts, as one process on all addresses of 127.0.0.0/8, whose answers are decided by the URL alone.

    http://127.x.y.z:PORT/WAY/NUMBER

The ways: `good` (one of a few pictures), a status (`404`), `cut` (half of the body, then the end), `html`, `reset`,
`garbage`, `loop`, `bomb` (gzip), `once` (503 at first, then good), `late` (good after 2 s), `held` (no
answer until `release`).
Each host is an address of its own, so that limits by host are what is tested.
"""

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from tests.support.download import SITE_FILES, picture
from tests.support.server_thread import in_thread

NUM_PICTURES = 8

LATE_S = 2.0

FAULTS = {
    "404": "http_error", "403": "http_error", "cut": "body_truncated", "html": "not_an_image",
    "reset": "connect_failed", "garbage": "answer_malformed", "loop": "too_many_redirects", "bomb": "body_too_large",
}  # fmt: skip
"""Way -> the reason by which its image is rejected."""


def host_of(number: int) -> str:
    """Return an address of 127.0.0.0/8 by number, below 2^22."""
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def whole(body: bytes, status: str = "200 OK", fields: str = "") -> bytes:
    """Return an answer with its length."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body


class FaultyWeb:
    """What it was asked for, and who still waits."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: Counter[str] = Counter()
        self.waiting = 0
        self._release = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        pictures = [whole(picture(size=(40, 30), seed=seed)) for seed in range(NUM_PICTURES)]
        self._pictures = pictures
        body = pictures[0]
        self._answers = {
            "404": whole(b"", "404 Not Found"), "403": whole(b"", "403 Forbidden"), "cut": body[: len(body) // 2],
            "html": whole(b"<!doctype html><html>no picture</html>", fields="Content-Type: image/jpeg\r\n"),
            "garbage": b"\x00\x01garbage\r\n\r\n", "loop": whole(b"", "302 Found", "Location: ?\r\n"),
            "bomb": whole(gzip.compress(bytes(8 << 20), mtime=0), fields="Content-Encoding: gzip\r\n"),
        }  # fmt: skip

    def url(self, host: int, way: str, number: int) -> str:
        return f"http://{host_of(host)}:{self.port}/{way}/{number}"

    def release(self) -> None:
        """Let those go who wait for an answer: they get their picture."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._release.set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):  # the last: the web ends
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                if path.strip("/") in SITE_FILES:  # no site says what it wishes
                    writer.write(self._answers["404"])
                    continue
                self.requests[path] += 1
                _, way, number = path.partition("?")[0].split("/")
                if way == "reset":
                    writer.transport.abort()
                    return
                if way == "held":
                    self.waiting += 1
                    await self._release.wait()
                    self.waiting -= 1
                if way == "late":
                    await asyncio.sleep(LATE_S)
                answer = self._answers.get(way) or self._pictures[int(number) % NUM_PICTURES]
                if way == "once" and self.requests[path] == 1:
                    answer = whole(b"", "503 Service Unavailable")
                writer.write(answer)
                await writer.drain()
                if way in ("cut", "garbage"):
                    break
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self.serve, "0.0.0.0", self.port, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        yield
        server.close()


@contextmanager
def faulty_web() -> Iterator[FaultyWeb]:
    """Serve in a thread on a free port."""
    found = FaultyWeb()
    with in_thread(found.listening()):
        yield found
