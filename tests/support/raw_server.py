"""A server on 127.0.0.1 whose answers are bytes as the test gives them, for what no HTTP library would write."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import quote, unquote

from tests.support.server_thread import in_thread

PIECE_BYTES = 7


class RawServer:
    """Answers by path; counts what it is asked for."""

    def __init__(self, answers: Mapping[str, bytes], keeps: bool, in_pieces: bool) -> None:
        self.requests: Counter[str] = Counter()
        self.targets: list[bytes] = []
        """What stood in the request lines."""
        self.connections = 0
        self.port = 0
        self.answers = dict(answers)
        self._keeps, self._in_pieces = keeps, in_pieces

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{quote(name)}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.targets.append(head.split(b" ")[1])
                name = unquote(self.targets[-1][1:].decode())
                self.requests[name] += 1
                await self._write(
                    self.answers.get(name, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), writer
                )
                if not self._keeps:
                    break
        writer.close()

    async def _write(self, answer: bytes, writer: asyncio.StreamWriter) -> None:
        start = 0
        while self._in_pieces and start < min(len(answer), 600):
            writer.write(answer[start : start + PIECE_BYTES])
            await writer.drain()
            await asyncio.sleep(0)  # a packet of its own
            start += PIECE_BYTES
        writer.write(answer[start:])
        await writer.drain()


@contextmanager
def raw_server(answers: Mapping[str, bytes], keeps: bool = False, in_pieces: bool = False) -> Iterator[RawServer]:
    """Serve `answers` in a thread on a free port.

    Unless it `keeps` them, it closes connections after each answer and does not say so before.
    """
    found = RawServer(answers, keeps, in_pieces)
    with in_thread(_listening(found)):
        yield found


@asynccontextmanager
async def _listening(found: RawServer) -> AsyncIterator[None]:
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, limit=1 << 20)
    found.port = server.sockets[0].getsockname()[1]
    yield
    server.close()
