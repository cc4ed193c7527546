"""One polite request to a MediaWiki API: query parameters in, the parsed answer out, or one clear error.

Polite as Wikimedia asks (www.mediawiki.org/wiki/API:Etiquette): one request at a time and not too many a second, a
User-Agent with a contact, ``maxlag`` on every request, and what ``Retry-After`` says is obeyed.
"""

import json
import logging
import math
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

MAX_LAG_S = 5
"""A wiki whose database copies are further behind is left alone for a while (the value API:Etiquette names)."""
MAX_WAIT_S = 300.0
"""Whoever asks for a longer pause is not waited for: the run stops and says when to come back."""
MAX_BACKOFF_S = 60.0
MAX_ANSWER_BYTES = 128 * 1024 * 1024
"""MediaWiki cuts its own answers at 8 MiB ($wgAPIMaxResultSize); JSON escapes make that several times longer."""
MAX_URL_BYTES = 4000
"""A longer query goes as a POST body: 50 titles in another script do not fit an address."""

BUSY_STATUS = frozenset({408, 429, 500, 502, 503, 504})
BUSY_CODES = frozenset({"maxlag", "ratelimited", "readonly", "internal_api_error_DBQueryTimeoutError"})

_log = logging.getLogger(__name__)


class WikiError(OSError):
    """A wiki that cannot be read, and what to do about it, in one line."""


@dataclass(frozen=True, kw_only=True)
class Busy:
    """An answer that may be another one later."""

    what: str
    retry_after_s: float | None = None
    """The pause that the wiki asked for."""


@dataclass(kw_only=True)
class Traffic:
    """What went over the network so far."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    waited_s: float = 0.0
    """Seconds paused because the wiki was busy."""


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for (a number, or a date); None for none or nonsense."""
    if header is None:
        return None
    header = header.strip()
    if header.isascii() and header.isdigit():
        return float(header[:12])
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - now).total_seconds())


def judge(
    status: int, headers: "httpx.Headers | dict[str, str]", body: bytes, url: str, now: datetime
) -> dict[str, Any] | Busy:
    """Return the parsed answer, or `Busy` when it is worth asking again. Raises `WikiError` when it is not."""
    pause = retry_after_s(headers.get("retry-after"), now)
    if status in BUSY_STATUS:
        return Busy(what=f"HTTP status {status}", retry_after_s=pause)
    if status in (401, 403):
        raise WikiError(
            f"{url}: refused (HTTP status {status}); say who asks with --contact (an address that is read), see "
            f"https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy"
        )
    if 300 <= status < 400:
        raise WikiError(f"{url}: moved to {headers.get('location', 'nowhere')!r}; give that wiki with --wiki-url")
    if status != 200:
        raise WikiError(
            f"{url}: HTTP status {status}, expected a MediaWiki API; --wiki-url takes the folder of api.php, such as "
            f"https://en.wikipedia.org/w"
        )
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        return Busy(what=f"{len(body)} bytes that are not the JSON of a MediaWiki API", retry_after_s=pause)
    error = answer.get("error")
    if error is None:
        return answer
    code = str(error.get("code")) if isinstance(error, dict) else "error"
    info = " ".join(str(error.get("info", "") if isinstance(error, dict) else error).split())[:300]
    if code in BUSY_CODES:
        return Busy(what=f"{code} ({info})", retry_after_s=pause)
    raise WikiError(f"{url}: the API answers {code}: {info}")


class PoliteTransport(httpx.BaseTransport):
    """Asks one API address, whatever address the request names, so that Wikipedia-API reads any MediaWiki."""

    def __init__(
        self, url: str, user_agent: str, *, requests_per_s: float, max_tries: int, backoff_s: float, timeout_s: float
    ) -> None:
        """`backoff_s` is the first pause where the wiki names none; each further one is twice as long."""
        self.url = url
        self.traffic = Traffic()
        self._interval_s = 1 / requests_per_s
        self._max_tries = max_tries
        self._backoff_s = backoff_s
        self._next_start = -math.inf
        self._client = httpx.Client(timeout=timeout_s, headers={"User-Agent": user_agent}, follow_redirects=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer Wikipedia-API's client. It never sees a failure that it would take for an empty page."""
        answer = self.ask(dict(request.url.params))
        return httpx.Response(200, json=answer, request=request)

    def ask(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one query. Raises `WikiError` after the last try."""
        params = {**params, "format": "json", "maxlag": MAX_LAG_S}
        tries = 0
        while True:
            outcome = self._try(params)
            tries += 1
            if isinstance(outcome, dict):
                return outcome
            pause = outcome.retry_after_s
            if pause is None:
                pause = min(self._backoff_s * 2 ** (tries - 1), MAX_BACKOFF_S)
            if pause > MAX_WAIT_S:
                raise WikiError(
                    f"{self.url}: {outcome.what}, and asks to come back in {pause:,.0f} s; run the same command again "
                    f"then: the pages read so far are kept in the cache"
                )
            if tries == self._max_tries:
                raise WikiError(
                    f"{self.url}: {outcome.what}, {tries} times; check the network and --wiki-url, then run the same "
                    f"command again: the pages read so far are kept in the cache"
                )
            _log.warning("%s: %s; asked again in %.1f s", self.url, outcome.what, pause)
            self.traffic.retries += 1
            self.traffic.waited_s += pause
            time.sleep(pause)

    def close(self) -> None:
        self._client.close()

    def _try(self, params: dict[str, Any]) -> dict[str, Any] | Busy:
        now = time.monotonic()
        if now < self._next_start:
            time.sleep(self._next_start - now)
        self._next_start = max(now, self._next_start) + self._interval_s
        self.traffic.requests += 1
        query = str(httpx.QueryParams(params))
        try:
            if len(query) <= MAX_URL_BYTES:
                request = self._client.build_request("GET", self.url, params=params)
            else:
                request = self._client.build_request("POST", self.url, data=params)
            response = self._client.send(request, stream=True)
            try:
                body = bytearray()
                for piece in response.iter_bytes(256 * 1024):
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise WikiError(f"{self.url}: an answer of more than {MAX_ANSWER_BYTES:,} bytes; is it a wiki?")
            finally:
                response.close()
        except (httpx.TransportError, httpx.DecodingError) as error:
            return Busy(what=f"{type(error).__name__} ({error})" if str(error) else type(error).__name__)
        self.traffic.bytes += len(body)
        return judge(response.status_code, response.headers, bytes(body), self.url, datetime.now(timezone.utc))
