"""One image over HTTP: a URL in, the body or the reason why there is none out. Repeats are the caller's.

Everything is bounded: one deadline over DNS, connect, TLS, redirects, headers and body; bytes as fetched
and after content decoding; redirects. No proxy or password from the environment, no cookies.
"""

import asyncio
import socket
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timezone

import aiohttp
from yarl import URL

from pipeline.download.addresses import PrivateAddressError, public_socket
from pipeline.download.config import DownloadConfig
from pipeline.download.opt_out import is_opted_out
from pipeline.download.outcome import Body, Failure
from pipeline.download.retry import may_heal, retry_after_s

DNS_CACHE_S = 300
KEEP_ALIVE_S = 30.0
READ_BUFFER_BYTES = 1 << 18


@asynccontextmanager
async def open_session(config: DownloadConfig) -> AsyncIterator[aiohttp.ClientSession]:
    """Open the HTTP session of a worker process: connections, keep-alive, DNS cache, TLS verified."""
    connector = aiohttp.TCPConnector(
        limit=0,  # the queue bounds what is in flight
        ttl_dns_cache=DNS_CACHE_S,
        keepalive_timeout=KEEP_ALIVE_S,
        socket_factory=None if config.allow_private_addresses else public_socket,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,  # decoded here, bounded
        timeout=aiohttp.ClientTimeout(total=config.timeout_s),
        read_bufsize=READ_BUFFER_BYTES,
        headers={"User-Agent": config.user_agent, "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"},
    ) as session:
        yield session


def parse_url(url: str) -> URL | None:
    """Return the URL as it is asked for, None when it is malformed or not http(s).

    An ASCII URL goes out byte for byte (a signature over it stays good); another one is percent-encoded.
    """
    if any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parsed = URL(url, encoded=url.isascii())
        if parsed.scheme not in ("http", "https") or not parsed.host or not 0 < (parsed.port or 0) < 65536:
            return None
    except (ValueError, TypeError):  # yarl: host, port or brackets malformed
        return None
    return parsed


async def fetch(session: aiohttp.ClientSession, url: str, config: DownloadConfig) -> Body | Failure:
    """Ask for `url` once. Returns within about `timeout_s`; never raises for what a server can do."""
    parsed = parse_url(url)
    if parsed is None:
        return Failure("url_invalid")
    try:
        return await asyncio.wait_for(_ask(session, parsed, config), config.timeout_s)
    except (asyncio.TimeoutError, TimeoutError):
        return Failure("timed_out", retryable=True)
    except aiohttp.TooManyRedirects:
        return Failure("too_many_redirects")
    except (
        aiohttp.InvalidURL,
        aiohttp.NonHttpUrlClientError,
    ):  # also a redirect to another scheme or to a malformed URL
        return Failure("url_invalid")
    except aiohttp.ClientConnectorDNSError as error:
        return Failure("dns_failed", retryable=error.os_error.errno == socket.EAI_AGAIN)
    except aiohttp.ClientSSLError:
        return Failure("tls_failed")
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, PrivateAddressError):
            return Failure("private_address")
        return Failure("connect_failed", retryable=True)
    except aiohttp.ClientPayloadError:
        return Failure("body_truncated", retryable=True)
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):  # reset, closed, malformed answer
        return Failure("connect_failed", retryable=True)
    except (ValueError, UnicodeError):  # a host name no codec takes, a malformed header
        return Failure("url_invalid")


async def _ask(session: aiohttp.ClientSession, url: URL, config: DownloadConfig) -> Body | Failure:
    async with session.get(url, max_redirects=config.max_redirects) as response:
        if response.status != 200:
            asked_s = retry_after_s(response.headers.get("Retry-After"), datetime.now(timezone.utc))
            return Failure("http_error", response.status, may_heal(response.status), asked_s)
        robots = response.headers.getall("X-Robots-Tag", [])
        if robots and is_opted_out(robots, config.agent_token, config.disallowed_header_directives):
            return Failure("opted_out", response.status)
        if (response.content_length or 0) > config.max_body_bytes:
            response.close()
            return Failure("body_too_large", response.status)
        parts = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > config.max_body_bytes:
                response.close()
                return Failure("body_too_large", response.status)
            parts.append(part)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding in ("gzip", "x-gzip", "deflate"):
            return decoded_body(data, config.max_body_bytes, response.status)
        return Body(data, response.status)


def decoded_body(data: bytes, max_bytes: int, status: int) -> Body | Failure:
    """Undo gzip or deflate into at most `max_bytes`. Data that is not so encoded stays as it is (servers lie)."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        decoded = inflater.decompress(data, max_bytes + 1)
    except zlib.error:
        return Body(data, status)
    if len(decoded) > max_bytes:
        return Failure("body_too_large", status)
    if not inflater.eof:
        return Failure("body_truncated", status, retryable=True)
    return Body(decoded, status)
