"""The demo's web server: a real HTTP server in its own process, with pictures and with every way to fail.

    with serving(World()) as server:
        ...                        # http://127.0.0.1:8573/images/000001.jpg
        server.counts()            # {"paths": {"/images/000001.jpg": 1}, "kinds": {"images": 1}, "waiting": 0}

Paths (see `World.path`): `/images/` a picture; `/gone/` 404; `/slow/` no answer before the client goes;
`/truncated/` half of the bytes promised; `/html/` a page with status 200; `/bomb/` 10,000 x 10,000 pixels
in a few KiB; `/noai/` a picture with `X-Robots-Tag: noai`; `/robots.txt`; `/counts` what was asked for, and how many
wait for a slow answer.
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
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image

from tests.demo.world import World

BOMB_SIDE_PX = 10_000
START_DEADLINE_S = 300.0
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

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: Counter[str] = Counter()
        self.waiting = 0

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
        return web.json_response({"kinds": dict(kinds), "paths": dict(self.asked), "waiting": self.waiting})

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
            return web.Response(text=MOVED_PAGE, content_type="text/html")
        if kind == "bomb":
            return web.Response(body=bomb(), content_type="image/png")
        if kind == "slow":
            await self.wait_for_ever()
        body = self.world.picture(number)
        image_type = "image/png" if request.path.endswith("png") else "image/jpeg"
        if kind == "truncated":
            return await self.cut(request, body, image_type)
        headers = {"X-Robots-Tag": "noai"} if kind == "noai" else None
        return web.Response(body=body, content_type=image_type, headers=headers)

    async def wait_for_ever(self) -> None:
        """Hold the request until its client goes: later than any deadline, on any machine."""
        self.waiting += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.waiting -= 1

    async def cut(self, request: web.Request, body: bytes, image_type: str) -> web.StreamResponse:
        """Promise all bytes, send half of them, and close the connection."""
        response = web.StreamResponse(headers={"Content-Type": image_type, "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response


async def _run(world: World, listening: socket.socket, parent: int) -> None:
    runner = web.AppRunner(Site(world).application(), access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
    await runner.setup()
    await web.SockSite(runner, listening, backlog=LISTEN_BACKLOG).start()
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
        with urllib.request.urlopen(f"http://127.0.0.1:{self.world.port}/counts", timeout=START_DEADLINE_S) as answer:
            return dict(json.load(answer))


def listen(port: int) -> socket.socket:
    """Return a listening socket at `port`, 0 for any. Raises RuntimeError when the port is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(LISTEN_BACKLOG)
    except OSError as error:
        listening.close()
        raise RuntimeError(
            f"port {port} is taken ({error.strerror}); the demo's URLs and so its ids hold this port: "
            f"end the program that listens there (`ss -ltnp sport = :{port}` names it)"
        ) from error
    return listening


@contextmanager
def serving(world: World) -> Iterator[Server]:
    """Serve `world` on its port from another process until the block ends (or this process dies).

    The port is taken here and handed on, so that nobody else gets it meanwhile; where it is 0 it is any free one, and
    the world of the server that is yielded has it. Raises RuntimeError when it is taken or the server does not start.
    """
    with listen(world.port) as listening:
        world = replace(world, port=listening.getsockname()[1])
        settings = json.dumps({"world": asdict(world), "listening": listening.fileno(), "parent": os.getpid()})
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.demo.server", settings], cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL, pass_fds=[listening.fileno()],
        )  # fmt: skip
    try:
        server = Server(world, process)
        try:
            server.counts()  # waits in the queue of the socket until the server takes it
        except OSError as error:
            raise RuntimeError(f"the demo's web server does not start (exit code {process.poll()}): {error}") from error
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
    listening = socket.socket(fileno=settings["listening"]) if "listening" in settings else listen(world.port)
    asyncio.run(_run(world, listening, settings.get("parent", os.getppid())))


if __name__ == "__main__":
    main()
