"""A body judged packet by packet, and bodies whose rest is not fetched, by a server that counts what it has sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from pipeline.download.config import DownloadConfig
from pipeline.download.content.early import HeaderJudge
from pipeline.download.fetch.request import fetch, open_session, parse_url
from pipeline.download.outcome import Body, Failure
from tests.support.download import picture
from tests.support.server_thread import in_thread
from tests.support.waiting import PATIENCE_S

BODY_BYTES = 30 << 20


def config(**options: object) -> DownloadConfig:
    return DownloadConfig(
        selection="s", output="o", allow_private_addresses=True, timeout_s=PATIENCE_S, retries=0, **options  # type: ignore[arg-type]
    )  # fmt: skip


LIMITS = config(min_image_size=64, max_aspect_ratio=3.0, max_pixels=1_000_000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize(
    ("size", "reason"),
    [((80, 60), "image_too_small"), ((300, 90), "aspect_ratio_too_large"), ((1200, 900), "too_many_pixels"),
     ((80, 80), None)],
)  # fmt: skip
def test_the_header_decides_however_it_is_cut(kind: str, size: tuple[int, int], reason: str | None) -> None:
    data = picture(kind, size)
    for packet in (1, 50, 1448, len(data)):
        judge = HeaderJudge(LIMITS, 200, [])
        found = [judge.failure(data[at : at + packet]) for at in range(0, min(len(data), 4000), packet)]
        told = [failure for failure in found if failure is not None]
        if packet == 1:
            continue  # looked at when its bytes have doubled: perhaps after the end
        assert [failure.reason for failure in told] == ([] if reason is None else [reason]), packet
        assert all((one.original_width, one.original_height) == size for one in told)


def test_what_is_coded_or_unlimited_is_not_judged() -> None:
    data = picture(size=(20, 20))
    assert HeaderJudge(LIMITS, 200, ["gzip"]).failure(data) is None
    assert HeaderJudge(config(), 200, []).failure(data) is None
    assert HeaderJudge(LIMITS, 200, ["identity"]).failure(data) == Failure("image_too_small", 200)


class Counting:
    """Serves a small picture with megabytes behind it, and counts them."""

    def __init__(self) -> None:
        self.sent = 0
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        yield
        await runner.cleanup()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(BODY_BYTES)})
        await response.prepare(request)
        block = picture(size=(40, 30)).ljust(1 << 16, b"\0")
        while self.sent < BODY_BYTES:
            await response.write(block)
            self.sent += len(block)
        return response


@pytest.mark.parametrize("is_limited", [True, False])
def test_the_rest_of_an_unwanted_body_is_not_fetched(is_limited: bool) -> None:
    server = Counting()
    options = config(min_image_size=64) if is_limited else config()

    async def ask() -> Body | Failure:
        async with open_session(options) as session:
            return await fetch(session, parse_url(f"http://127.0.0.1:{server.port}/"), options)

    with in_thread(server.listening()):
        found = asyncio.run(ask())
    if is_limited:
        assert found == Failure("image_too_small", 200)
        assert server.sent < BODY_BYTES // 2  # what the buffers of two sockets hold
    else:
        assert isinstance(found, Body)
        assert server.sent == BODY_BYTES
