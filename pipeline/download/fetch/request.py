"""One image over HTTP: a URL in, the body or the reason why there is none out. Repeats are the caller's.

Everything is bounded: one deadline over DNS, connect, TLS, redirects, head and body; bytes of the head, of the body as
fetched and after content decoding; redirects. No proxy or password from the environment, no cookies. Answers are read
as browsers and curl read them (`pipeline.http_answers`); what they do not read either is `answer_malformed`.
"""

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import aiohttp
from yarl import URL

from pipeline.download.config import DownloadConfig
from pipeline.download.content.early import HeaderJudge
from pipeline.download.fetch.addresses import PrivateAddressError, public_socket
from pipeline.download.fetch.lenient_connection import AnswerMalformed, ConnectionLost, lenient_connector
from pipeline.download.fetch.redirects import REDIRECTS, redirect_target
from pipeline.download.fetch.resolver import CachingResolver
from pipeline.download.fetch.retry import may_heal, retry_after_s
from pipeline.download.outcome import Body, Failure
from pipeline.download.policy.gate import Gate
from pipeline.http_answers.codings import decoded
from pipeline.http_answers.head import MAX_HEAD_BYTES, listed

if sys.version_info >= (3, 11):
    from asyncio import timeout
else:
    from async_timeout import timeout

KEEP_ALIVE_S = 30.0
READ_BUFFER_BYTES = 1 << 18
_NO_URL = re.compile(r"[\x00-\x20\x7f]")
_WHOLE_RANGE = re.compile(r"bytes[ =:]*0\s*-\s*(\d{1,18})\s*/\s*(\d{1,18})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Session:
    """The connections of a worker process."""

    kept: aiohttp.ClientSession
    """Connections are used again."""
    fresh: aiohttp.ClientSession
    """Every request has a connection of its own."""
    resolver: CachingResolver
    """Used by both."""


@asynccontextmanager
async def open_session(config: DownloadConfig) -> AsyncIterator[Session]:
    """Open the HTTP session of a worker process: connections, keep-alive, DNS cache, TLS as the config says."""
    resolver = CachingResolver()
    async with (
        _client(config, resolver, keepalive_timeout=KEEP_ALIVE_S) as kept,
        _client(config, resolver, force_close=True) as fresh,
    ):
        try:
            yield Session(kept, fresh, resolver)
        finally:
            await resolver.close()


def _client(config: DownloadConfig, resolver: CachingResolver, **connections: Any) -> aiohttp.ClientSession:
    connector = lenient_connector(
        limit=0,  # the queue bounds what is in flight
        resolver=resolver,
        use_dns_cache=False,  # the resolver's is shared by both
        ssl=not config.allow_invalid_certificates,
        socket_factory=None if config.allow_private_addresses else public_socket,
        **connections,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,  # decoded here, bounded
        timeout=aiohttp.ClientTimeout(total=config.timeout_s),
        read_bufsize=READ_BUFFER_BYTES,
        max_line_size=MAX_HEAD_BYTES,
        max_field_size=MAX_HEAD_BYTES,
        headers={"User-Agent": config.user_agent, "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"},
    )


def parse_url(url: str) -> URL | None:
    """Return the URL as it is asked for, None when it is malformed or not http(s).

    An ASCII URL goes out byte for byte (a signature over it stays good); another one is percent-encoded.
    """
    if _NO_URL.search(url):
        return None
    try:
        parsed = URL(url, encoded=url.isascii())
        if parsed.scheme not in ("http", "https") or not parsed.host or not 0 < (parsed.port or 0) < 65536:
            return None
    except (ValueError, TypeError):  # yarl: host, port or brackets malformed
        return None
    return parsed


async def fetch(
    session: Session, url: URL | None, config: DownloadConfig, gate: Gate | None = None, head_only: bool = False
) -> Body | Failure:
    """Ask for `url` (of `parse_url`) once. Returns within about `timeout_s`; never raises for what a server can do.

    `gate` is asked before each redirect is followed, and whether the head of an answer lets its body be read.
    `head_only`: the body of a good answer is not read, and empty.
    """
    if url is None:
        return Failure("url_invalid")
    try:
        async with timeout(config.timeout_s):
            return await _follow(session, url, config, gate, head_only)
    except (asyncio.TimeoutError, TimeoutError):
        return Failure("timed_out", retryable=True)
    except (AnswerMalformed, aiohttp.ClientResponseError):
        return Failure("answer_malformed")
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
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
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):  # reset, closed before an answer
        return Failure("connect_failed", retryable=True)
    except (ValueError, UnicodeError):  # a host name no codec takes
        return Failure("url_invalid")


async def _follow(
    session: Session, url: URL, config: DownloadConfig, gate: Gate | None, head_only: bool
) -> Body | Failure:
    """Ask for `url` and what it redirects to, each on a connection whose address is checked anew."""
    for _ in range(config.max_redirects + 1):
        try:
            found = await _ask(session.kept, url, config, gate, head_only)
        except ConnectionLost as lost:
            if not lost.is_reused:
                raise
            # servers close connections without saying so
            found = await _ask(session.fresh, url, config, gate, head_only)
        if not isinstance(found, _Redirect):
            return found
        target = redirect_target(str(url), found.location)
        next_url = parse_url(target) if target else None
        if next_url is None:  # malformed, or of another scheme
            return Failure("url_invalid")
        url = next_url
        refused = await gate.may_ask(url) if gate is not None else None
        if refused is not None:
            return refused
    return Failure("too_many_redirects")


@dataclass(frozen=True)
class _Redirect:
    location: str


async def _ask(
    client: aiohttp.ClientSession, url: URL, config: DownloadConfig, gate: Gate | None, head_only: bool
) -> Body | Failure | _Redirect:
    async with client.get(url, allow_redirects=False) as response:
        location = response.headers.get("Location", "")
        may_read = gate is None or gate.may_read(response.headers)
        if response.status in REDIRECTS and location:
            return _Redirect(location) if may_read else Failure("opted_out", response.status)
        num_bytes = whole_bytes(response)
        if num_bytes is None:
            asked_s = retry_after_s(response.headers.get("Retry-After"), datetime.now(timezone.utc))
            return Failure("http_error", response.status, may_heal(response.status), asked_s)
        if not may_read:
            return Failure("opted_out", response.status)
        if (response.content_length or 0) > config.max_body_bytes:
            response.close()
            return Failure("body_too_large", response.status)
        if head_only:
            response.close()
            return Body(b"", response.status)
        parts = []
        size = 0
        judge = HeaderJudge(config, response.status, response.headers.getall("Content-Encoding", []))
        async for part in response.content.iter_any():
            size += len(part)
            if (unwanted := judge.failure(part)) is not None:
                response.close()
                return unwanted
            if size > config.max_body_bytes:
                response.close()
                return Failure("body_too_large", response.status)
            parts.append(part)
        if size < num_bytes:
            return Failure("body_truncated", response.status, retryable=True)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        codings = response.headers.getall("Content-Encoding", [])
        status = response.status
    if not codings:
        return Body(data, status)
    # a bomb takes 15 ms for each 8 MB: beside the loop, and without Python's lock
    return await asyncio.get_running_loop().run_in_executor(
        None, decoded_body, data, codings, config.max_body_bytes, status
    )


def whole_bytes(response: aiohttp.ClientResponse) -> int | None:
    """Return how many bytes the answer must have at least to be the whole of what was asked for, None when it is not.

    It is with every status of success that has a body (RFC 9110, 15.3); 206 only when its range is all there is.
    A range of unknown length (``bytes 0-99/*``) is not: its server does not know how much there is (14.4), and the
    length of the message tells nothing, being that of the part. Nobody asked for a range: it is the server's error.
    """
    if not 200 <= response.status < 300 or response.status in (204, 205):
        return None
    if response.status != 206:
        return 0
    found = _WHOLE_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None or int(found.group(1)) + 1 != int(found.group(2)):
        return None
    return int(found.group(2))


def decoded_body(data: bytes, fields: Iterable[str], max_bytes: int, status: int) -> Body | Failure:
    """Undo the codings of Content-Encoding `fields` into at most `max_bytes`; what does not hold stays as it is."""
    found = decoded(data, listed(fields), max_bytes)
    if found.is_too_large:
        return Failure("body_too_large", status)
    if found.is_cut:
        return Failure("body_truncated", status, retryable=True)
    return Body(found.data, status)
