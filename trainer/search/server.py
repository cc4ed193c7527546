"""The local page of ``trainer search --serve``: a text or an image asked for in a browser of this machine.

    GET  /                        the page; what it needs beside it (`PAGE_FILES`), nothing from elsewhere
    GET  /index                   how many rows there are, and of what
    GET  /search?text=...&num=    rows as JSON
    GET  /search?like=ROW&num=    the same for what is like a row
    POST /search?num=             the same for the image in the body, at most `MAX_UPLOAD_BYTES`
    GET  /pictures/ROW            a row's picture as JPEG

It listens at 127.0.0.1 alone and answers requests by that name or ``localhost`` alone, so that no other site can ask it
in the user's browser by a name of its own (DNS rebinding).
"""

import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.data.transforms import ImageFault
from trainer.embed.features import IMAGE
from trainer.search.asking import Asking
from trainer.search.config import MAX_FOUND
from trainer.search.pictures import Pictures
from trainer.search.vector_index import Found

if TYPE_CHECKING:
    from fastapi import FastAPI

HOST = "127.0.0.1"
MAX_UPLOAD_BYTES = 20_000_000
MAX_TEXT_CHARACTERS = 1_000
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGE_DIR = Path(__file__).parent / "page"
PAGE_FILES = {"/": ("page.html", "text/html"), "/page.css": ("page.css", "text/css"),
              "/page.js": ("page.js", "text/javascript"), "/icon.svg": ("icon.svg", "image/svg+xml")}  # fmt: skip

NEEDED = "the page needs FastAPI and uvicorn, which are not installed: pip install 'webimagetext[search-page]'"


def make_app(asking: Asking) -> "FastAPI":
    """Return the page over a model and an index. Raises ValueError where FastAPI is not installed."""
    try:
        from fastapi import FastAPI, HTTPException, Request, Response
        from starlette.middleware.trustedhost import TrustedHostMiddleware
    except ImportError:
        raise ValueError(NEEDED) from None

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    pictures, one_at_a_time = Pictures(asking.index.files.paths), threading.Lock()

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    def page_file(request: Request) -> Response:
        name, kind = PAGE_FILES[request.url.path]
        return Response((PAGE_DIR / name).read_bytes(), media_type=kind)

    for path in PAGE_FILES:
        app.add_api_route(path, page_file, methods=["GET"])

    def about() -> dict[str, Any]:
        return {"rows": len(asking.index), "of": "images" if asking.index.files.column == IMAGE else "texts"}

    def by_text_or_row(text: str = "", like: int | None = None, num: int = 24) -> list[dict[str, Any]]:
        if like is not None:
            with one_at_a_time:
                return as_rows(asking.by_row(known(like), checked(num)))
        if not text.strip() or len(text) > MAX_TEXT_CHARACTERS:
            raise HTTPException(422, f"expected a text of 1 to {MAX_TEXT_CHARACTERS:,} characters")
        with one_at_a_time:
            return as_rows(asking.by_text(text, checked(num)))

    def known(row: int) -> int:
        if not 0 <= row < len(asking.index):
            raise HTTPException(404, f"there is no row {row}: the index has {len(asking.index):,}, from 0 on")
        return row

    def checked(num: int) -> int:
        if not 1 <= num <= MAX_FOUND:
            raise HTTPException(422, f"num must be 1 to {MAX_FOUND}")
        return num

    async def body_of(request: Request) -> bytes:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_UPLOAD_BYTES:
                raise HTTPException(413, f"the image has more than {MAX_UPLOAD_BYTES // 1_000_000} MB")
        return bytes(body)

    async def by_image(request: Request, num: int = 24) -> list[dict[str, Any]]:
        from starlette.concurrency import run_in_threadpool

        checked(num)
        return await run_in_threadpool(answer_image, await body_of(request), num)

    def answer_image(body: bytes, num: int) -> list[dict[str, Any]]:
        try:
            with one_at_a_time:
                return as_rows(asking.by_image(body, num))
        except ImageFault as fault:
            raise HTTPException(422, str(fault)) from fault

    def picture(row: int) -> Response:
        try:
            return Response(pictures.jpeg(asking.index.image_place(known(row))), media_type="image/jpeg")
        except (OSError, ImageFault) as error:
            raise HTTPException(404, "its picture is not where it was embedded") from error

    app.add_api_route("/index", about, methods=["GET"])
    app.add_api_route("/search", by_text_or_row, methods=["GET"])
    app.add_api_route("/search", by_image, methods=["POST"])
    app.add_api_route("/pictures/{row}", picture, methods=["GET"])
    return app


def as_rows(found: list[Found]) -> list[dict[str, Any]]:
    """Return what the page shows of each row."""
    return [one._asdict() for one in found]


def serve(asking: Asking, port: int) -> None:
    """Serve the page until Ctrl-C. Raises OSError that names the port where it is taken."""
    try:
        import uvicorn
    except ImportError:
        raise ValueError(NEEDED) from None

    app = make_app(asking)
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise OSError(f"port {port} of {HOST} cannot be taken: {error.strerror}; choose another --port") from None
    with listening:
        print(f"{len(asking.index):,} rows: http://{HOST}:{listening.getsockname()[1]}  (Ctrl-C ends it)", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])
