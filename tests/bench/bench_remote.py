"""Speed of the trainer's loader over HTTP, 100 ms to the first byte a request, beside the same shards on the disk.

Run by `make bench BENCH=remote`. The server is a process of its own and counts what it sends. The order is that of a
large set on a small one: 8 streams, windows of 512 samples, blocks of 8 MiB and more, so that blocks come and go as
they do in a run. `remote-main` is what the training's own process spends on a sample when loader processes decode.
"""

import dataclasses
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import closing
from pathlib import Path

import torch
from PIL import Image

from schemas.stored_index import index_of_table
from tests.bench.photographs import repeated
from tests.bench.timing import best, line
from trainer.data.data_set import DataSet
from trainer.data.find_index import make_index
from trainer.data.loader import Loader
from trainer.data.open_data import open_data, open_folders
from trainer.data.order.mixture import Mixture
from trainer.data.order.sample_order import SampleOrder
from trainer.data.row_reader import RowReader
from trainer.tokenizer import train_tokenizer

NUM_IMAGES = 8_192
NUM_SHARDS = 4
BATCH_SIZE = 256
NUM_DECODERS = 2
IMAGE_PX = 224
STORED_PX = 256
STREAMS, WINDOW = 8, 512
LATENCY_S = 0.1
READ_AHEAD_BYTES = 128 << 20
ROUNDS = 2


def write_shards(folder: Path) -> list[str]:
    """Write the shards; return the captions."""
    samples = repeated(NUM_IMAGES)
    stored: dict[bytes, bytes] = {}
    for shard in range(NUM_SHARDS):
        with tarfile.open(folder / f"{shard:05d}.tar", "w") as tar:
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


def opened(place: str) -> DataSet:
    """Return the samples at `place` in the order of a large set."""
    folders = open_folders([place])
    data = open_data(
        folders,
        [index_of_table(make_index(folders[0].folder, folders[0].sizes, 2), place)],
        seed=0,
        pool=1 << 20,
    )
    order = SampleOrder(data.sources[0].blocks.sizes, seed=0, pool=STREAMS * WINDOW, streams=STREAMS)
    return dataclasses.replace(data, mixture=Mixture([order], [1]))


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="bench-remote-") as name:
        captions = write_shards(Path(name))
        tokenizer = train_tokenizer(captions, vocab_size=4_096, context_length=77)
        command = [sys.executable, "-m", "tests.support.shard_server", name, str(LATENCY_S)]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert server.stdin is not None
        assert server.stdout is not None
        local, remote = opened(name), opened(server.stdout.readline().strip())

        def sent() -> tuple[int, int]:
            """Return the requests that the server answered, and the bytes."""
            assert server.stdin is not None
            assert server.stdout is not None
            print(file=server.stdin, flush=True)
            requests, num_bytes = map(int, server.stdout.readline().split())
            return requests, num_bytes

        def run(data: DataSet, processes: int) -> float:
            """Make the batches of an epoch; return the CPU seconds of this process between the first and the last."""
            loader = Loader(
                data, RowReader(data, image_px=IMAGE_PX), tokenizer, decode_threads=NUM_DECODERS,
                read_ahead_bytes=READ_AHEAD_BYTES, processes=processes,
            )  # fmt: skip
            with (
                closing(loader),
                closing(loader.batches(range(NUM_IMAGES // BATCH_SIZE), BATCH_SIZE, 0, BATCH_SIZE)) as made,
            ):
                next(made)
                start = time.process_time()
                assert sum(len(batch.ids) for batch in made) == NUM_IMAGES - BATCH_SIZE
                return time.process_time() - start

        before = sent()
        local_s, remote_s = best(lambda: run(local, 0), lambda: run(remote, 0), rounds=ROUNDS)
        requests, num_bytes = (now - then for now, then in zip(sent(), before, strict=True))
        before = sent()
        apart_s = run(remote, 2)
        apart = sent()[1] - before[1]
        server.stdin.close()
        server.wait()
    share = local.sources[0].num_bytes
    line("remote", NUM_IMAGES / remote_s, "on the disk", NUM_IMAGES / local_s, "images/s", 0.9)
    line("remote-fetched", num_bytes / ROUNDS / 1e6, "the share", share / 1e6, "MB", 1.05)
    line("remote-fetched-processes", apart / 1e6, "the share", share / 1e6, "MB of two processes", 1.05)
    line("remote-request", num_bytes / requests / 1e6, "a block of 8 MiB", (8 << 20) / 1e6, "MB", 0.98)
    line("remote-main", 1e3 * apart_s / (NUM_IMAGES - BATCH_SIZE), "bound", 0.12, "ms of this process a sample", 1)


if __name__ == "__main__":
    main()
