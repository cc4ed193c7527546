"""A real HTTP server of bytes in memory for the tests, with the ways of servers in its paths.

``/range/NAME`` serves byte ranges, ``/whole/NAME`` does not; ``/cut/NAME`` and ``/wholecut/NAME`` break the connection
at byte `cut_of` the file, always; ``/flaky/NAME`` at every second request for it; ``/busy/NAME`` answers 503 to every
second request for it, ``/refused/NAME`` 403.
"""

import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


def cut_of(data: bytes) -> int:
    """Return where the connection breaks when `data` is served."""
    return len(data) * 7 // 10


class ByteServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.num_requests: Counter[str] = Counter()
        self.requests: list[str] = []
        """Method and path of each, as they came."""
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients go away while connections are broken on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ByteServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def _answer(self, with_body: bool) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        _, way, name = self.path.split("?")[0].split("/", 2)
        self.server.num_requests[self.path] += with_body
        second = self.server.num_requests[self.path] % 2 == 0
        status = 404 if name not in self.server.files else 403 if way == "refused" else 200
        if way == "busy" and with_body and second:
            status = 503
        if status != 200:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = self.server.files[name]
        begin, end = 0, len(data)
        asked = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        ranges = not way.startswith("whole")
        if asked and ranges:
            begin, end = int(asked[1]), min(int(asked[2]) + 1, end)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes" if ranges else "none")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if not with_body:
            return
        stop = min(end, cut_of(data)) if way.endswith("cut") else begin + 100 if way == "flaky" and second else end
        self.wfile.write(data[begin : max(begin, min(stop, end))])
        if stop < end:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[str]:
    """Serve `files` and yield the server's address."""
    with serving(files) as server:
        yield server.address


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[ByteServer]:
    """Serve `files` and yield the server."""
    server = ByteServer(files)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
