"""A web server of a folder, with a listing, byte ranges, a stated latency, and faults by plan; it counts what it sends.

`serving` holds it in a thread. `python -m tests.support.shard_server DIR LATENCY_S` holds it in a process of its own
until its input ends, and prints its address: for measuring.
"""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from tests.support.server_thread import in_thread

BUSY, GONE, REFUSED, CUT, SLOW, HANGS, WHOLE, SHORT, OTHER, WRITTEN, MIRROR, LONGER = (
    "busy", "gone", "refused", "cut", "slow", "hangs", "whole", "short", "other", "written", "mirror", "longer",
)  # fmt: skip
"""Faults: status 500; 404; 403; the connection breaks in the body; a byte a while, for ever; no answer; 200 with the
whole file; less than was asked for; another range than was asked for; written anew, so that ETag and time are others;
the ETag alone is another; more bytes in all."""

Plan = Callable[[str, int], str]
"""The fault of request number n (from 0) for the body of a file, "" for none."""


class ShardServer:
    """Serves the files of a folder."""

    def __init__(self, root: Path, latency_s: float, plan: Plan) -> None:
        self.root, self.latency_s, self.plan = root, latency_s, plan
        self.requests: Counter[str] = Counter()
        """Answers with a body, by name."""
        self.sent_bytes: Counter[str] = Counter()
        self.ranges: list[tuple[str, int, int]] = []
        """Of bytes asked for: name, begin, end."""
        self.marks = {"ETag", "Last-Modified"}
        """That are sent of a file."""
        self.port = 0
        self._ended = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/{name:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            self._ended.set()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(self.latency_s)
        name = request.match_info["name"]
        path = self.root / name
        if path.is_dir():
            names = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())
            links = "".join(f'<a href="{name}">{name}</a>\n' for name in names)
            return web.Response(text=f"<html>{links}</html>", content_type="text/html")
        if not path.is_file():
            return web.Response(status=404)
        if request.method == "HEAD":
            return web.Response(headers={"Content-Length": str(path.stat().st_size), "Accept-Ranges": "bytes"})
        return await self._file(request, name, path, path.stat().st_size)

    async def _file(self, request: web.Request, name: str, path: Path, size: int) -> web.StreamResponse:
        fault = self.plan(name, self.requests[name])
        self.requests[name] += 1
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        begin, end = (int(asked[1]), min(int(asked[2]) + 1, size)) if asked else (0, size)
        if asked:
            self.ranges.append((name, begin, int(asked[2]) + 1))
        if fault in (BUSY, GONE, REFUSED):
            return web.Response(status={BUSY: 500, GONE: 404, REFUSED: 403}[fault])
        if fault == HANGS:
            await self._ended.wait()
        if asked and begin >= size:
            return web.Response(status=416)
        if fault == OTHER:
            begin, end = begin + 1, end + 1
        elif fault == SHORT:
            end -= 10
        partial = bool(asked) and fault != WHOLE
        with path.open("rb") as raw:
            raw.seek(begin if partial else 0)
            body = raw.read(end - begin if partial else size)
        answer = web.StreamResponse(status=206 if partial else 200)
        if partial:
            answer.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size + 512 * (fault == LONGER)}"
        if "ETag" in self.marks:
            answer.headers["ETag"] = '"b"' if fault in (WRITTEN, MIRROR) else '"a"'
        if "Last-Modified" in self.marks:
            answer.last_modified = 1 if fault == WRITTEN else 0
        answer.content_length = len(body)
        await answer.prepare(request)
        await self._send(answer, request, name, body, fault)
        return answer

    async def _send(self, answer: web.StreamResponse, request: web.Request, name: str, body: bytes, fault: str) -> None:
        if fault == SLOW:
            for at in range(len(body) // 2):
                await answer.write(body[at : at + 1])
                await asyncio.sleep(0.02)
            await self._ended.wait()
        stop = len(body) // 2 if fault == CUT else len(body)
        for at in range(0, stop, 1 << 20):
            piece = body[at : min(at + (1 << 20), stop)]
            await answer.write(piece)
            self.sent_bytes[name] += len(piece)
        if fault == CUT and request.transport is not None:
            request.transport.abort()


def no_faults(name: str, number: int) -> str:
    return ""


@contextmanager
def serving(root: Path, latency_s: float = 0.0, plan: Plan = no_faults) -> Iterator[ShardServer]:
    """Serve `root` in a thread."""
    server = ShardServer(root, latency_s, plan)
    with in_thread(server.running()):
        yield server


async def _serve(root: str, latency_s: float) -> None:
    server = ShardServer(Path(root), latency_s, no_faults)
    async with server.running():
        print(server.url, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):  # each line is answered by what was sent since
            print(sum(server.requests.values()), sum(server.sent_bytes.values()), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
