"""The demo's web server: a real HTTP server in its own process, with pictures and with every way to fail.

    with serving(World()) as server:
        ...                        # http://127.0.0.1:8573/images/000001.jpg
        server.counts()            # {"paths": {"/images/000001.jpg": 1}, "kinds": {"images": 1}}

Paths (see `World.path`): `/images/` a picture; `/gone/` 404; `/slow/` a picture after `slow_s`;
`/truncated/` half of the bytes promised; `/html/` a page with status 200; `/bomb/` 10,000 x 10,000 pixels
in a few KiB; `/noai/` a picture with `X-Robots-Tag: noai`; `/robots.txt`; `/counts` what was asked for.
"""

import argparse
import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image

from tests.demo.world import World

BOMB_SIDE_PX = 10_000
START_DEADLINE_S = 30.0
LISTEN_BACKLOG = 1024
MOVED_PAGE = "<!doctype html><title>Moved</title><p>This picture has moved."


@cache
def bomb() -> bytes:
    """Return a valid PNG of 10,000 x 10,000 black pixels: some 12 KiB that would decode to 100 MB and more."""
    sink = io.BytesIO()
    Image.new("1", (BOMB_SIDE_PX, BOMB_SIDE_PX)).save(sink, "PNG", compress_level=9)
    return sink.getvalue()


class Site:
    """Answers for one `World` and counts what it was asked for."""

    def __init__(self, world: World, slow_s: float) -> None:
        self.world = world
        self.slow_s = slow_s
        self.asked: Counter[str] = Counter()

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/robots.txt", self.robots)
        app.router.add_get("/counts", self.counts)
        app.router.add_get("/{kind}/{name}", self.answer)
        return app

    async def robots(self, request: web.Request) -> web.Response:
        self.asked["/robots.txt"] += 1
        return web.Response(text="User-agent: *\nDisallow: /private/\n")

    async def counts(self, request: web.Request) -> web.Response:
        kinds: Counter[str] = Counter()
        for path, times in self.asked.items():
            kinds[path.split("/")[1]] += times
        return web.json_response({"kinds": dict(kinds), "paths": dict(self.asked)})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.path] += 1
        name = request.match_info["name"].split(".")[0]
        number = int(name) if name.isdecimal() else -1
        if not 0 <= number < self.world.num_scenes or self.world.path(number) != request.path:
            raise web.HTTPNotFound
        kind = self.world.kind(number)
        if kind == "gone":
            raise web.HTTPNotFound
        if kind == "html":
            return web.Response(
                text="<!doctype html><title>Moved</title><p>This picture has moved.", content_type="text/html"
            )
        if kind == "bomb":
            return web.Response(body=bomb(), content_type="image/png")
        body = self.world.picture(number)
        image_type = "image/png" if request.path.endswith("png") else "image/jpeg"
        if kind == "slow":
            await asyncio.sleep(self.slow_s)
        if kind == "truncated":
            return await self.cut(request, body, image_type)
        headers = {"X-Robots-Tag": "noai"} if kind == "noai" else None
        return web.Response(body=body, content_type=image_type, headers=headers)

    async def cut(self, request: web.Request, body: bytes, image_type: str) -> web.StreamResponse:
        """Promise all bytes, send half of them, and close the connection."""
        response = web.StreamResponse(headers={"Content-Type": image_type, "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response


async def _run(world: World, slow_s: float, parent: int) -> None:
    runner = web.AppRunner(Site(world, slow_s).application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", world.port, backlog=LISTEN_BACKLOG).start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    while not stop.is_set() and os.getppid() == parent:  # an orphan is adopted by another process
        try:
            await asyncio.wait_for(stop.wait(), 0.5)
        except asyncio.TimeoutError:
            continue
    await runner.cleanup()


class Server:
    """The handle of a server that runs in its own process."""

    def __init__(self, world: World, process: subprocess.Popen[bytes]) -> None:
        self.world = world
        self.process = process

    def counts(self) -> dict[str, Any]:
        """Return how often each path and each kind was asked for since the server started."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.world.port}/counts", timeout=10) as answer:
            return dict(json.load(answer))


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise RuntimeError(
                f"port {port} is taken ({error.strerror}); the demo's URLs and so its ids hold this port: "
                f"end the program that listens there (`ss -ltnp sport = :{port}` names it)"
            ) from error


@contextmanager
def serving(world: World, *, slow_s: float = 10.0) -> Iterator[Server]:
    """Serve `world` on its port from another process until the block ends (or this process dies).

    Raises RuntimeError when the port is taken or the server does not answer.
    """
    _refuse_taken_port(world.port)
    settings = json.dumps({"world": asdict(world), "slow_s": slow_s, "parent": os.getpid()})
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.demo.server", settings], cwd=root, stdin=subprocess.DEVNULL
    )
    try:
        server = Server(world, process)
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"the demo's web server ended with exit code {process.returncode} at its start")
            try:
                server.counts()
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the demo's web server did not answer in {START_DEADLINE_S} s") from None
                time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="?", help="JSON written by `serving`; without it the full world is served")
    settings = json.loads(parser.parse_args().settings or "{}")
    world = World(**settings.get("world", {}))
    asyncio.run(_run(world, settings.get("slow_s", 10.0), settings.get("parent", os.getppid())))


if __name__ == "__main__":
    main()
