"""Fetching from a real server that misbehaves: a stated outcome, in bounded time."""

import asyncio
import functools
import gzip
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.fetch.request import decoded_body, fetch, open_session, parse_url
from pipeline.download.fetch.runtime import ask_site_file
from pipeline.download.outcome import Body, Failure
from pipeline.download.policy.evidence import Signal
from pipeline.download.policy.gate import Policy
from tests.support.download import Web, picture, serving
from tests.support.own_certificate import self_signed
from tests.support.waiting import PATIENCE_S

PRIVATE = Failure("private_address")


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


async def no_manifest(data: bytes) -> list[Signal]:
    raise AssertionError("bodies are not looked at here")


def get(url: str, **options: object) -> Body | Failure:
    """Ask once. A request that its own deadline does not end fails the test."""
    values: dict[str, object] = {"timeout_s": PATIENCE_S, "allow_private_addresses": True, "max_body_bytes": 1 << 20}
    config = DownloadConfig(selection="s", output="o", **(values | options))  # type: ignore[arg-type]

    async def run() -> Body | Failure:
        async with open_session(config) as session:
            gate = Policy(config, functools.partial(ask_site_file, session, config), no_manifest).gate()
            return await asyncio.wait_for(fetch(session, parse_url(url), config, gate), PATIENCE_S)

    return asyncio.run(run())


def test_a_good_answer(web: Web) -> None:
    web.bodies["plain.jpg"] = picture()
    assert get(web.url("plain.jpg")) == Body(picture(), 200)
    sent = web.headers["plain.jpg"]
    assert sent["User-Agent"].startswith("WebImageText/")
    assert "Cookie" not in sent
    assert get(web.url("gzipped")) == Body(picture(), 200)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("status/404", Failure("http_error", 404)),
        ("status/451", Failure("http_error", 451)),
        ("status/204", Failure("http_error", 204)),
        ("status/500", Failure("http_error", 500, True)),
        ("truncated", Failure("body_truncated", None, True)),
        ("endless", Failure("body_too_large", 200)),
        ("gzip_bomb", Failure("body_too_large", 200)),
        ("loop", Failure("too_many_redirects")),
        ("to?url=file:///etc/passwd", Failure("url_invalid")),
        ("to?url=ftp://127.0.0.1/x", Failure("url_invalid")),
        ("robots?tag=noai", Failure("opted_out", 200)),
        ("robots?tag=webimagetext:%20noindex", Failure("opted_out", 200)),
        ("reset", Failure("connect_failed", None, True)),
    ],
)
def test_faults(web: Web, path: str, expected: Failure) -> None:
    assert get(web.url(path)) == expected


def test_opt_outs_of_others_and_ignored_ones(web: Web) -> None:
    assert isinstance(get(web.url("robots?tag=otherbot:%20noai")), Body)
    assert isinstance(get(web.url("robots?tag=noai"), disallowed_header_directives=()), Body)


@pytest.mark.parametrize("path", ["never", "drip", "to?url=/never"])
def test_one_deadline_over_everything(web: Web, path: str) -> None:
    assert get(web.url(path), timeout_s=0.4) == Failure("timed_out", None, True)


def test_a_server_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert get(url, timeout_s=0.3) == Failure("timed_out", None, True)
        assert get(url.replace("http", "https"), timeout_s=0.3) == Failure("timed_out", None, True)


def test_answers_that_are_no_http() -> None:
    async def run() -> list[Body | Failure]:
        async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"220 ftp ready\r\n" * 100)
            await writer.drain()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(garbage, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        config = DownloadConfig(selection="s", output="o", allow_private_addresses=True, timeout_s=PATIENCE_S)
        async with open_session(config) as session:
            found = [await fetch(session, parse_url(f"{scheme}://{address}/"), config) for scheme in ("http", "https")]
        server.close()
        return found

    assert asyncio.run(run()) == [Failure("answer_malformed"), Failure("tls_failed")]


@pytest.mark.parametrize(
    ("allowed", "expected"), [(False, Failure("tls_failed")), (True, Body(picture(), 200))], ids=["refused", "allowed"]
)
def test_a_certificate_signed_by_itself(tmp_path: Path, allowed: bool, expected: Body | Failure) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(picture()) + picture())
        await writer.drain()
        writer.close()

    async def run() -> Body | Failure:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=self_signed(tmp_path))
        config = DownloadConfig(
            selection="s", output="o", allow_private_addresses=True, timeout_s=PATIENCE_S,
            allow_invalid_certificates=allowed,
        )  # fmt: skip
        async with open_session(config) as session:
            url = parse_url(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            found = await fetch(session, url, config)
        server.close()
        return found

    assert asyncio.run(run()) == expected


def test_nobody_listens_and_no_such_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert get(f"http://127.0.0.1:{port}/") == Failure("connect_failed", None, True)
    found = get("http://no-such-host.invalid/")
    assert isinstance(found, Failure)
    assert found.reason == "dns_failed"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ],
)
def test_no_request_to_a_private_address_in_any_spelling(web: Web, host: str) -> None:
    before = sum(web.requests.values())
    found = get(f"http://{host}:{web.port}/good/1", allow_private_addresses=False)
    assert isinstance(found, Failure)
    assert found.reason in ("private_address", "dns_failed", "url_invalid")
    assert sum(web.requests.values()) == before
    if host in ("127.0.0.1", "localhost", "[::1]"):
        assert found == PRIVATE


@pytest.mark.parametrize("host", ["[fec0::1]", "[feff::1]", "[3fff::1]", "[5f00::1]", "192.88.99.1", "192.0.0.1"])
def test_no_request_to_a_range_that_is_not_public(host: str) -> None:
    """Documentation, relays, and what was private before it was deprecated: refused before a socket is made."""
    assert get(f"http://{host}/", allow_private_addresses=False) == PRIVATE


def test_the_head_of_a_redirect_is_read_too(web: Web) -> None:
    target = web.url("good/1")
    assert get(web.url(f"to?url={target}&tag=noai")) == Failure("opted_out", 302)
    assert isinstance(get(web.url(f"to?url={target}&tag=nofollow")), Body)


def test_a_public_name_that_redirects_to_a_private_address(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address is let through, as a public one would be; the redirect's is checked again."""
    from pipeline.download.fetch import addresses

    allowed = {"127.0.0.1"}
    monkeypatch.setattr(addresses, "is_public", lambda address: address in allowed)
    with serving() as inner:
        for target in (f"http://127.0.0.2:{inner.port}/good/1", "http://169.254.169.254/latest/meta-data/"):
            assert get(web.url(f"to?url={target}"), allow_private_addresses=False) == PRIVATE
        assert sum(inner.requests.values()) == 0


@pytest.mark.parametrize(
    "url",
    [
        "", "http://", "http:///x", "ftp://a/b", "file:///etc/passwd", "javascript:1", "http://a b/", "http://a:99999/",
        "http://[::1/", pytest.param("http://a/\r\nHost: b", id="line end"), "//a/b", "http://a:0/",
    ],
)  # fmt: skip
def test_urls_that_are_not_asked_for(url: str) -> None:
    assert parse_url(url) is None
    assert get(url) == Failure("url_invalid")


def test_an_ascii_url_goes_out_as_it_is(web: Web) -> None:
    get(web.url("sig%2Fna%7eture?a=%2B&b=|"))
    assert str(parse_url("http://a.example/%7e?x=%2B")) == "http://a.example/%7e?x=%2B"
    assert str(parse_url("http://a.example/ü")) == "http://a.example/%C3%BC"


def test_content_decoding_is_bounded() -> None:
    data = gzip.compress(bytes(10_000), mtime=0)
    assert decoded_body(data, ["gzip"], 10_000, 200) == Body(bytes(10_000), 200)
    assert decoded_body(data, ["gzip"], 9_999, 200) == Failure("body_too_large", 200)
    assert decoded_body(data[:-10], ["gzip"], 10_000, 200) == Failure("body_truncated", 200, True)
    assert decoded_body(b"no gzip", ["gzip"], 10_000, 200) == Body(b"no gzip", 200)
