"""Connections of aiohttp's client that take what servers send: each answer is washed before aiohttp parses it.

In: bytes from a server. Out: an answer that aiohttp's strict parser reads, or one of two errors: `AnswerMalformed`,
which no repeat heals, and `ConnectionLost`. aiohttp has no option for either; its protocol class is replaced, which is
all that is used of its inside.
"""

import asyncio
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import _EXC_SENTINEL

from pipeline.download.policy.header_signals import NAMES as WISHES
from pipeline.http_answers.head import MalformedAnswer, NoHttp
from pipeline.http_answers.washing import Washer

FIELDS_READ = (
    "location", "retry-after", "content-encoding", "content-range", *(name.lower() for name in WISHES),
)  # fmt: skip
"""Fields of answers that aiohttp, and who uses it here, get to see."""


class AnswerMalformed(aiohttp.ClientError):
    """The server answered, but not with HTTP that can be read."""


class ConnectionLost(aiohttp.ClientError):
    """The connection ended before an answer began."""

    def __init__(self, is_reused: bool) -> None:
        """`is_reused`: it had carried an answer before; its server may have closed it after that one."""
        super().__init__("the connection ended")
        self.is_reused = is_reused


class LenientConnection(ResponseHandler):
    """A connection whose answers are washed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._washer: Washer | None = None
        self._num_requests = 0

    def set_response_params(self, **params: Any) -> None:
        """Begin a request: aiohttp calls this before each."""
        self._washer = Washer(FIELDS_READ)
        self._num_requests += 1
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        if self._washer is None or not data:  # before the first request: kept by aiohttp until there is a parser
            super().data_received(data)
            return
        try:
            clean = self._washer.feed(data)
        except MalformedAnswer as error:
            self._fail(error)
            return
        if not self._washer.keeps_alive:
            self.force_close()
            if not clean and self.transport is not None and (self._payload is None or self._payload.is_eof()):
                self.transport.close()  # bytes that nobody asked for, perhaps while it waited for the next request
        if clean:
            super().data_received(clean)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._washer is not None:
            try:
                clean = self._washer.finish()
                if clean:
                    super().data_received(clean)
            except MalformedAnswer as error:
                if exc is None:
                    self._fail(error)
        super().connection_lost(exc)

    def set_exception(self, exc: BaseException, exc_cause: BaseException = _EXC_SENTINEL) -> None:
        if isinstance(self.exception(), AnswerMalformed | ConnectionLost):
            return
        if isinstance(exc, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
            is_begun = self._washer is not None and self._washer.is_begun
            exc = ConnectionLost(is_reused=self._num_requests > 1 and not is_begun)
        super().set_exception(exc, exc_cause)

    def _fail(self, error: MalformedAnswer) -> None:
        failure: aiohttp.ClientError = AnswerMalformed(str(error))
        if isinstance(error, NoHttp) and self._num_requests > 1:  # what stood behind the answer before
            failure = ConnectionLost(is_reused=True)
        if self._payload is not None:
            self._payload.set_exception(failure)
        self.set_exception(failure)
        if self.transport is not None:
            self.transport.close()


def lenient_connector(**options: Any) -> aiohttp.TCPConnector:
    """Return aiohttp's connector with `options` whose connections are lenient. To be called in a running loop."""
    connector = aiohttp.TCPConnector(**options)
    connector._factory = cast(Any, partial(LenientConnection, asyncio.get_running_loop()))
    return connector
