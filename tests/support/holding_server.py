"""A real HTTP server of a folder that holds what is asked for until it is told to let go.

So a command can be met in the middle of its work, however fast or slow the machine is.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread


class HoldingServer(ThreadingHTTPServer):
    """Serves files with byte ranges; those whose path matches `hold`'s pattern wait, once its condition holds."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.reached = Event()
        """Set when a request waits."""
        self._go = Event()
        self._held: tuple[re.Pattern[str], Callable[[], bool]] | None = None

    def hold(self, pattern: str, when: Callable[[], bool]) -> None:
        self.reached.clear()
        self._go.clear()
        self._held = re.compile(pattern), when

    def let_go(self) -> None:
        self._held = None
        self._go.set()

    def wait_for(self, path: str) -> None:
        held = self._held
        if held is not None and held[0].search(path) and held[1]():
            self.reached.set()
            self._go.wait()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients are killed on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HoldingServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self.server.wait_for(self.path)
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        file = self.server.root / self.path.split("?")[0].lstrip("/")
        if not file.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = file.stat().st_size
        begin, end = 0, size
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
            begin, end = int(asked[1]), min(int(asked[2]) + 1 if asked[2] else end, end)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{size}")
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if with_body:
            with file.open("rb") as body:
                body.seek(begin)
                self.wfile.write(body.read(end - begin))


@contextmanager
def holding(root: Path) -> Iterator[HoldingServer]:
    """Serve the files below `root`."""
    server = HoldingServer(root)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.let_go()
        server.shutdown()
        server.server_close()
        thread.join()
