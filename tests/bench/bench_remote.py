"""Reading over HTTP, 100 ms to the first byte a request, beside the same shards on the disk: rate, bytes, requests.

Run by `make bench BENCH=remote`. The server is a process of its own and counts what it sends; on a machine with two
cores and more it has one, and the loader another, near and far: what sending takes is no part of the figure, what
receiving and keeping take is. `remote-cpu` is the same in CPU time, which other work on the machine does not disturb.

The order is that of a large set on a small one: 8 streams, windows of 512 samples, blocks of 8 MiB and more, so that
blocks come and go as they do in a run; `whole` is a set that fits the pool, `sources` two sources mixed by weights, of
which processes have rows of the same streams. What is fetched is counted for a worker with threads, with two loader
processes, and for a machine of two such workers.

`remote-main` is what the training's own process spends on a sample when loader processes decode.
"""

import dataclasses
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import torch
from PIL import Image

from schemas.stored_index import index_of_table
from tests.bench.photographs import repeated
from tests.bench.timing import line
from trainer.data.data_set import DataSet
from trainer.data.find_index import make_index
from trainer.data.loader import Loader
from trainer.data.open_data import open_data, open_folders
from trainer.data.order.mixture import Mixture
from trainer.data.order.sample_order import SampleOrder
from trainer.data.row_reader import RowReader
from trainer.tokenizer import CaptionTokenizer, train_tokenizer

NUM_IMAGES = 8_192
NUM_SHARDS = 4
FOLDERS = ("a", "b")
BATCH_SIZE = 256
NUM_DECODERS = 1
IMAGE_PX = 224
STORED_PX = 256
STREAMS, WINDOW = 8, 512
LATENCY_S = 0.1
READ_AHEAD_BYTES = 128 << 20
ROUNDS = 3
RATE_EPOCHS = 3
"""Of a run that is timed: its start is counted in, as a small part."""


def write_shards(folder: Path) -> list[str]:
    """Write the shards; return the captions."""
    samples = repeated(NUM_IMAGES)
    stored: dict[bytes, bytes] = {}
    for shard in range(NUM_SHARDS):
        home = folder / FOLDERS[shard % len(FOLDERS)]
        home.mkdir(exist_ok=True)
        with tarfile.open(home / f"{shard:05d}.tar", "w") as tar:
            for number in range(shard, NUM_IMAGES, NUM_SHARDS):
                data, caption = samples[number]
                if data not in stored:
                    stored[data] = _stored(data)
                for suffix, body in (("jpg", stored[data]), ("json", json.dumps({"caption": caption}).encode())):
                    member = tarfile.TarInfo(f"{number:09d}.{suffix}")
                    member.size = len(body)
                    tar.addfile(member, io.BytesIO(body))
    return [caption for _, caption in samples[:1_000]]


def _stored(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = STORED_PX / min(image.size)
    sink = io.BytesIO()
    size = (round(image.width * scale), round(image.height * scale))
    image.resize(size, Image.Resampling.BICUBIC).save(sink, "JPEG", quality=95)
    return sink.getvalue()


def opened(place: str, streams: int = STREAMS, weights: Sequence[float] = ()) -> DataSet:
    """Return the samples at `place` in the order of a large set, or with one stream shuffled as a whole.

    With `weights` the two folders are two sources, which share the streams.
    """
    folders = open_folders([f"{place}/{name}" for name in FOLDERS])
    indexes = [index_of_table(make_index(opened.folder, opened.sizes, 2), place) for opened in folders]
    data = open_data(folders, indexes, seed=0, pool=1 << 20, weights=weights)
    if streams == 1:
        return data
    own = streams // len(data.sources)
    orders = [
        SampleOrder(source.blocks.sizes, seed=number, pool=own * WINDOW, streams=own)
        for number, source in enumerate(data.sources)
    ]
    return dataclasses.replace(data, mixture=Mixture(orders, [1] * len(orders)))


class Server:
    """The server's process."""

    def __init__(self, folder: str) -> None:
        command = [sys.executable, "-m", "tests.support.shard_server", folder, str(LATENCY_S)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._line()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def sent(self) -> tuple[int, int]:
        """Return the requests that the server answered, and the bytes."""
        print(file=self._process.stdin, flush=True)
        requests, num_bytes = map(int, self._line().split())
        return requests, num_bytes

    def sent_by(self, run: Callable[[], object]) -> tuple[int, int]:
        """Return the requests, and the bytes, that `run` causes."""
        before = self.sent()
        run()
        requests, num_bytes = (now - then for now, then in zip(self.sent(), before, strict=True))
        return requests, num_bytes

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def keep_apart(server: Server) -> None:
    """Give the loader one core and the server another, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(server.pid, {cores[0]})
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), {cores[1]})


@dataclasses.dataclass(frozen=True)
class Taken:
    """Seconds that a sample took, the start counted in."""

    wall_s: float
    cpu_s: float
    """Of this process."""


def loaded(
    data: DataSet, tokenizer: CaptionTokenizer, processes: int = 0, first: int = 0, last: int = BATCH_SIZE,
    epochs: int = 1,
) -> Taken:  # fmt: skip
    """Make rows `first` .. `last` - 1 of the batches of `epochs` epochs."""
    loader = Loader(
        data, RowReader(data, image_px=IMAGE_PX), tokenizer, decode_threads=NUM_DECODERS,
        read_ahead_bytes=READ_AHEAD_BYTES, processes=processes,
    )  # fmt: skip
    steps = range(epochs * NUM_IMAGES // BATCH_SIZE)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    with closing(loader), closing(loader.batches(steps, BATCH_SIZE, first, last)) as made:
        samples = sum(len(batch.ids) for batch in made)
        assert samples == len(steps) * (last - first)
        return Taken((time.perf_counter() - wall_s) / samples, (time.process_time() - cpu_s) / samples)


def two_workers(data: DataSet, tokenizer: CaptionTokenizer) -> None:
    """Read what a machine of two workers reads, each half of the rows with two loader processes."""
    half = BATCH_SIZE // 2
    with ThreadPoolExecutor(2) as pool:
        for worker in [
            pool.submit(loaded, data, tokenizer, 2, first, first + half) for first in range(0, BATCH_SIZE, half)
        ]:
            worker.result()


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="bench-remote-") as name:
        captions = write_shards(Path(name))
        tokenizer = train_tokenizer(captions, vocab_size=4_096, context_length=77)
        server = Server(name)
        local, remote, whole = opened(name), opened(server.url), opened(server.url, streams=1)
        mixed = opened(server.url, weights=(1, 1))
        cores = os.sched_getaffinity(0)
        keep_apart(server)
        before = server.sent()
        runs = [tuple(loaded(data, tokenizer, epochs=RATE_EPOCHS) for data in (local, remote)) for _ in range(ROUNDS)]
        requests, num_bytes = (now - then for now, then in zip(server.sent(), before, strict=True))
        for told, unit, seconds in (("remote", "images/s", "wall_s"), ("remote-cpu", "images/s of CPU", "cpu_s")):
            near, far = (min(getattr(run[place], seconds) for run in runs) for place in (0, 1))
            line(told, 1 / far, "on the disk", 1 / near, unit, 0.9)
        line("remote-request", num_bytes / requests / 1e6, "a block of 8 MiB", (8 << 20) / 1e6, "MB", 0.98)
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), cores)
        share = local.sources[0].num_bytes
        for regime, data in (("streams", remote), ("whole", whole), ("sources", mixed)):
            for who, run in (
                ("threads", lambda data=data: loaded(data, tokenizer)),
                ("processes", lambda data=data: loaded(data, tokenizer, 2)),
                ("machine", lambda data=data: two_workers(data, tokenizer)),
            ):
                requests, num_bytes = server.sent_by(run)
                told = f"the share in {len(local.sources[0].blocks)} blocks"
                line(f"remote-{regime}-{who}", num_bytes / 1e6, told, share / 1e6, f"MB, {requests} requests", 1.05)
        apart_s = loaded(remote, tokenizer, 2).cpu_s
        server.close()
    line("remote-main", 1e3 * apart_s, "bound", 0.12, "ms of this process a sample", 1)


if __name__ == "__main__":
    main()
