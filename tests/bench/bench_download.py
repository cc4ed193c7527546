"""Speed and memory of `pipeline download` beside img2dataset, on the same URLs and settings.

Run by `make bench BENCH=download`. Both are run as commands, start included, on photographs that a real HTTP
server holds in memory, in its own process on the same cores. The lines named "loop" leave the start out: they are of
`NUM_IMAGES` images less the time that the same command takes for `NUM_FEW`.
"""

import asyncio
import multiprocessing
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from aiohttp import web

from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.bench.photographs import photographs, repeated
from tests.bench.process_tree import Measured, measure
from tests.bench.timing import line
from tests.support.download import make_selection

NUM_IMAGES = 2_000
NUM_MANY = 6_000
NUM_SHARDS = 2
ROUNDS = 3
WANTED = 1.6
WANTED_MEMORY = 0.5

IMG2DATASET = """
import sys
from img2dataset import download
if __name__ == "__main__":
    download(
        url_list=sys.argv[1], output_folder=sys.argv[2], number_sample_per_shard=int(sys.argv[3]),
        input_format="parquet", output_format="webdataset", url_col="url", caption_col="caption",
        processes_count=2, thread_count=64, image_size=256, resize_mode="keep_ratio", resize_only_if_bigger=True,
        encode_quality=95, extract_exif=False, timeout=10, retries=2,
    )
"""


async def _serve(ready: Connection) -> None:
    bodies = [data for data, _ in photographs()]

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bodies[int(request.match_info["number"]) % len(bodies)], content_type="image/jpeg")

    app = web.Application()
    app.router.add_get("/{number}.jpg", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    ready.send(runner.addresses[0][1])
    await asyncio.Event().wait()


def _run_server(ready: Connection) -> None:
    asyncio.run(_serve(ready))


@contextmanager
def serving() -> Iterator[str]:
    """Yield the base URL of a server of the photographs."""
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    server = spawned.Process(target=_run_server, args=(theirs,), daemon=True)
    server.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        server.terminate()
        server.join()


class Job:
    """The download of the first `num` URLs, by ours and by img2dataset."""

    def __init__(self, folder: Path, base: str, num: int) -> None:
        self.folder = folder
        self.num = num
        folder.mkdir()
        pairs = [(f"{base}/{number}.jpg", caption) for number, (_, caption) in enumerate(repeated(num))]
        self.per_shard = -(-num // NUM_SHARDS)
        shards = [pairs[start : start + self.per_shard] for start in range(0, num, self.per_shard)]
        make_selection(str(folder / "selection"), [list(shard) for shard in shards])
        urls, captions = zip(*pairs, strict=True)
        pq.write_table(pa.table({"url": urls, "caption": captions}), folder / "urls.parquet")
        (folder / "peer.py").write_text(IMG2DATASET)

    def ours(self) -> Measured:
        output = self.folder / "ours"
        shutil.rmtree(output, ignore_errors=True)
        measured = measure([
            sys.executable, "-m", "pipeline", "download", "--selection", str(self.folder / "selection"),
            "--output", str(output), "--image-size", "256", "--resize-mode", "keep_ratio", "--resize-only-if-bigger",
            "--encode-quality", "95", "--retries", "2", "--concurrency", "128", "--max-connections-per-host", "128",
            "--allow-private-addresses",
        ])  # fmt: skip
        assert read_manifest(Folder(str(output)), "shards")["rows"] == self.num
        return measured

    def peer(self) -> Measured:
        output = self.folder / "peer"
        shutil.rmtree(output, ignore_errors=True)
        measured = measure([
            sys.executable, str(self.folder / "peer.py"), str(self.folder / "urls.parquet"), str(output),
            str(self.per_shard),
        ])  # fmt: skip
        statuses = [status for part in output.glob("*.parquet") for status in pq.read_table(part)["status"].to_pylist()]
        assert statuses == ["success"] * self.num
        return measured


def least(runs: list[Measured]) -> Measured:
    return Measured(min(run.seconds for run in runs), min(run.peak_bytes for run in runs))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-download-") as name, serving() as base:
        some, many = Job(Path(name) / "some", base, NUM_IMAGES), Job(Path(name) / "many", base, NUM_MANY)
        runs = (some.ours, some.peer, many.ours, many.peer)
        rounds = [[run() for run in runs] for _ in range(ROUNDS)]
    ours, peer, ours_many, peer_many = (least(list(found)) for found in zip(*rounds, strict=True))
    line("download", NUM_IMAGES / ours.seconds, "img2dataset", NUM_IMAGES / peer.seconds, "images/s", WANTED)
    more = NUM_MANY - NUM_IMAGES
    our_rate, their_rate = more / (ours_many.seconds - ours.seconds), more / (peer_many.seconds - peer.seconds)
    line("download-loop", our_rate, "img2dataset", their_rate, "images/s", WANTED)
    mebibytes = [measured.peak_bytes / 2**20 for measured in (ours_many, peer_many)]
    line("download-memory", mebibytes[0], "img2dataset", mebibytes[1], "MiB", WANTED_MEMORY)


if __name__ == "__main__":
    main()
