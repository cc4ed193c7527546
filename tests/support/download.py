"""What the tests of pipeline/download share: finished selection folders, pictures, and a web that misbehaves."""

import asyncio
import gzip
import io
import logging
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pyarrow as pa
from aiohttp import web
from PIL import Image

from schemas.candidate import IMAGE_REF, QUERY_COUNTS, QUERY_IDS, selection_schema
from schemas.identity import image_ids, local_references, normalise_urls, pair_ids, ranks, seed_key
from schemas.manifest import write_manifest
from schemas.query import QUERIES
from schemas.run_record import RunRecord, start_run
from schemas.shards_folder import shard_name
from schemas.storage import Folder
from schemas.tables import write_table
from tests.support.server_thread import in_thread


def picture(kind: str = "JPEG", size: tuple[int, int] = (80, 60), mode: str = "RGB", seed: int = 0) -> bytes:
    """Return an encoded picture with some structure."""
    gradient = Image.linear_gradient("L").resize(size)
    bands = [gradient.rotate(90 * (band + seed)).point(lambda v, s=seed: (v * (s % 5 + 1)) % 256) for band in range(3)]
    buffer = io.BytesIO()
    Image.merge("RGB", bands).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def bomb() -> bytes:
    """Return a valid PNG of 10,000 x 10,000 grey pixels in about 100 KB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes(10_001) * 10_000, 9)
    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


Pair = tuple[str | dict, str] | tuple[str | dict, str, dict]
"""(URL or image_ref, caption), and what else the selection holds: license, stored, extra (a dict)."""

NO_EXTRA = pa.struct([])


def selection_table(rows: Iterable[Pair], shard: int, extra: pa.StructType = NO_EXTRA) -> pa.Table:
    """Return the rows of a selection file of pairs, sorted."""
    references, captions, more = zip(*((row[0], row[1], row[2] if len(row) > 2 else {}) for row in rows), strict=True)
    urls = [reference if isinstance(reference, str) else None for reference in references]
    refs = [None if isinstance(reference, str) else reference for reference in references]
    hashed = [
        normalise_urls(pa.array([url]))[0][0].as_py()
        if url is not None
        else local_references(ref["root"], pa.array([ref["member"]]))[0].as_py()
        for url, ref in zip(urls, refs, strict=True)
    ]
    image_id = image_ids(pa.array(hashed))
    pair_id = pair_ids(image_id, pa.array(captions))
    num = len(captions)
    columns = {
        "pair_id": pair_id, "image_id": image_id, "url": pa.array(urls, pa.string()),
        "image_ref": pa.array(refs, IMAGE_REF), "caption": pa.array(captions),
        "text_source": pa.array(["alt"] * num), "page_url": pa.nulls(num, pa.string()),
        "source_file": pa.array(["input.parquet"] * num), "source_row": pa.array(range(num), pa.int64()),
        "language": pa.nulls(num, pa.string()), "language_score": pa.nulls(num, pa.float32()),
        "license": pa.array([values.get("license") for values in more], pa.string()),
        "extra": pa.array([values.get("extra", {}) for values in more], extra),
        "stored": pa.array([values.get("stored", False) for values in more]),
        "query_ids": pa.array([[row % 3, 7] for row in range(num)], QUERY_IDS),
        "rank": pa.array(ranks(pair_id, seed_key(0))), "kept_by": pa.array([[7]] * num, QUERY_IDS),
        "shard": pa.array([shard] * num, pa.int32()), "key": pa.array([i.as_py().hex() for i in image_id]),
    }  # fmt: skip
    schema = selection_schema(extra)
    table = pa.Table.from_arrays([columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema)
    return table.sort_by([("image_id", "ascending"), ("rank", "ascending"), ("pair_id", "ascending")])


def make_selection(
    path: str,
    shards: list[list[Pair]],
    roots: dict[str, str] | None = None,
    first_shard: int = 0,
    before: int | None = None,
    extra: pa.StructType = NO_EXTRA,
) -> Folder:
    """Write a finished selection folder with one file per list of pairs.

    `first_shard` is the number of the first plan, `before` that of the shards of earlier rounds (None: as many).
    """
    folder = Folder(path)
    record = RunRecord(command="pipeline balance", config={}, paths={"image_roots": roots or {}})
    start_run(folder, record)
    files = [
        write_table(
            folder,
            f"{shard_name(first_shard + i)}.parquet",
            selection_table(rows, first_shard + i, extra),
            selection_schema(extra),
        )
        for i, rows in enumerate(shards)
    ]
    queries = pa.Table.from_pylist(
        [
            {
                "query_id": i,
                "text": f"q{i}",
                "surface": f"q{i}",
                "language": "en",
                "source": "word",
                "sources": ["word"],
            }
            for i in range(8)
        ],
        schema=QUERIES,
    )
    counts = pa.Table.from_pylist(
        [{"query_id": i, "matched": 1, "kept": 1, "selected": 1, "fetched": 0} for i in range(8)], schema=QUERY_COUNTS
    )
    files.append(write_table(folder, "tables/queries.parquet", queries, QUERIES))
    files.append(write_table(folder, "tables/query_counts.parquet", counts, QUERY_COUNTS))
    write_manifest(
        folder,
        "selection",
        files,
        rows=sum(map(len, shards)),
        identity=record.identity,
        summary={
            "seed": 0,
            "shards": {"first": first_shard, "count": len(shards), "before": first_shard if before is None else before},
        },
    )
    return folder


SITE_FILES = ("robots.txt", ".well-known/tdmrep.json", "ai.txt")


class Web:
    """A real server on 127.0.0.1 whose paths misbehave, each in its own way; counts the requests by path."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        """By path, those for images; `site_requests`: for the files in which a site says what it wishes."""
        self.site_requests: Counter[str] = Counter()
        self.headers: dict[str, dict[str, str]] = {}
        self.port = 0
        self.bodies: dict[str, bytes] = {}
        self.gone: dict[str, int] = {}
        """The status of what was there and is no more, by path."""
        self.silent: set[str] = set()
        """Paths that are not answered any more."""
        self.tags: dict[str, str] = {}
        """X-Robots-Tag by path; its answer is the same else."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.strip("/")
        if path in SITE_FILES:
            self.site_requests[path] += 1
            return await self._site_file(path)
        self.requests[path] += 1
        self.headers[path] = dict(request.headers)
        if path in self.silent:
            return await self._never(request, path)
        if path in self.gone:
            return web.Response(status=self.gone[path])
        if path in self.bodies:
            return web.Response(body=self.bodies[path], content_type="image/jpeg")
        if path in self.tags:
            response = await self._good(request, path)
            response.headers["X-Robots-Tag"] = self.tags[path]
            return response
        kind = path.split("/")[0]
        found: Callable[[web.Request, str], Awaitable[web.StreamResponse]] | None = getattr(self, f"_{kind}", None)
        if found is None:
            return web.Response(status=404)
        return await found(request, path)

    async def _good(self, request: web.Request, path: str) -> web.StreamResponse:
        return web.Response(body=picture(seed=zlib.crc32(path.encode()) % 97), content_type="image/jpeg")

    async def _status(self, request: web.Request, path: str) -> web.StreamResponse:
        return web.Response(status=int(path.split("/")[1]))

    async def _never(self, request: web.Request, path: str) -> web.StreamResponse:
        await asyncio.Event().wait()  # until the server ends
        raise AssertionError

    async def _drip(self, request: web.Request, path: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:  # until the client goes
            await response.write(b"\xff")
            await asyncio.sleep(0.1)

    async def _truncated(self, request: web.Request, path: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        await response.write(picture()[:500])
        assert request.transport is not None
        request.transport.close()
        return response

    async def _endless(self, request: web.Request, path: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 16))

    async def _html(self, request: web.Request, path: str) -> web.StreamResponse:
        return web.Response(body=b"<!doctype html><html><body>no picture</body></html>", content_type="image/jpeg")

    async def _gzipped(self, request: web.Request, path: str) -> web.StreamResponse:
        return web.Response(body=gzip.compress(picture(), mtime=0), headers={"Content-Encoding": "gzip"})

    async def _gzip_bomb(self, request: web.Request, path: str) -> web.StreamResponse:
        return web.Response(body=gzip.compress(bytes(64 << 20), mtime=0), headers={"Content-Encoding": "gzip"})

    async def _loop(self, request: web.Request, path: str) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/loop"})

    async def _to(self, request: web.Request, path: str) -> web.StreamResponse:
        tags = {"X-Robots-Tag": request.query["tag"]} if "tag" in request.query else {}
        return web.Response(status=302, headers={"Location": request.query["url"], **tags})

    async def _robots(self, request: web.Request, path: str) -> web.StreamResponse:
        return web.Response(body=picture(), headers={"X-Robots-Tag": request.query["tag"]})

    async def _site_file(self, path: str) -> web.StreamResponse:
        return web.Response(body=self.bodies[path]) if path in self.bodies else web.Response(status=404)

    async def _busy(self, request: web.Request, path: str) -> web.StreamResponse:
        if self.requests[path] == 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        return await self._good(request, path)

    async def _broken_once(self, request: web.Request, path: str) -> web.StreamResponse:
        return web.Response(status=500) if self.requests[path] == 1 else await self._good(request, path)

    async def _reset(self, request: web.Request, path: str) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _bomb(self, request: web.Request, path: str) -> web.StreamResponse:
        return web.Response(body=bomb(), content_type="image/png")


@contextmanager
def serving() -> Iterator[Web]:
    """Run a `Web` in a thread on a free port."""
    found = Web()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # clients hang up on it on purpose
    with in_thread(_listening(found)):
        yield found


@asynccontextmanager
async def _listening(found: Web) -> AsyncIterator[None]:
    app = web.Application(client_max_size=1 << 20)
    app.router.add_get("/{path:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    yield
    await runner.cleanup()
