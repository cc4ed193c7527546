"""A web of many hosts that say what they wish, for the bench of the policy: addresses of 127.0.0.0/8, one process.

Each host has a robots.txt of a group for all, a few of crawlers for AI and a delay of none, an ai.txt and a
tdmrep.json; one in ten names terms (RSL) too. None of them forbids the images, so that the same are fetched whether or
not wishes are asked for. Hosts have 1 to 50 images, as many hosts n as 1 / n of them (Zipf's law).
"""

import asyncio
import json
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from tests.bench.photographs import photographs
from tests.support.faulty_web import host_of, whole

MAX_PER_HOST = 50
TERMS_EVERY = 10
"""Of so many hosts one names terms."""
ROBOTS = """\
User-agent: *
Disallow: /admin/
Disallow: /*?sort=
Disallow: /search
Allow: /search/about

User-agent: GPTBot
User-agent: CCBot
Disallow: /private/

User-agent: ClaudeBot
Allow: /

Sitemap: /sitemap.xml
"""
AI_TXT = "User-Agent: *\nDisallow: *.psd\nAllow: /\n"
TDMREP = json.dumps([{"location": "/private/*", "tdm-reservation": 1}, {"location": "/*", "tdm-reservation": 0}])
RSL = """<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license><permits type="usage">all</permits>
</license></content></rsl>"""


def hosts_of(num_images: int) -> list[int]:
    """Return for each image the number of its host; the same for the same number."""
    weights = [1 / size for size in range(1, MAX_PER_HOST + 1)]
    found: list[int] = []
    due, host = [0.0] * MAX_PER_HOST, 0
    while len(found) < num_images:
        for number, weight in enumerate(weights):
            due[number] += weight
            if due[number] >= 1:
                due[number] -= 1
                found += [host] * (number + 1)
                host += 1
    return found[:num_images]


@contextmanager
def wishing_web() -> Iterator[int]:
    """Serve in a process of its own; yield the port, the same for all hosts."""
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    server = spawned.Process(target=_run, args=(theirs,), daemon=True)
    server.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        server.terminate()
        server.join()


def url_of(port: int, host: int, number: int) -> str:
    return f"http://{host_of(host + 1)}:{port}/{number}.jpg"


def _run(ready: Connection) -> None:
    asyncio.run(_serve(ready))


async def _serve(ready: Connection) -> None:
    images = [whole(data, fields="Content-Type: image/jpeg\r\n") for data, _ in photographs()]
    with_terms = f"{ROBOTS}License: /license.xml\n"
    files = {
        "/robots.txt": ROBOTS, "/ai.txt": AI_TXT, "/.well-known/tdmrep.json": TDMREP, "/license.xml": RSL,
    }  # fmt: skip
    answers = {path: whole(text.encode()) for path, text in files.items()}
    robots_with_terms = whole(with_terms.encode())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = writer.get_extra_info("sockname")[0]
        has_terms = int(own.rpartition(".")[2]) % TERMS_EVERY == 0
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                if path == "/robots.txt" and has_terms:
                    writer.write(robots_with_terms)
                elif path in answers:
                    writer.write(answers[path])
                else:
                    writer.write(images[int(path[1:-4]) % len(images)])
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(serve, "0.0.0.0", 0, backlog=4096)
    ready.send(server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()
