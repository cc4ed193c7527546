"""Speed of the trainer's loader beside open_clip's own, on the same shards.

Run by `make bench BENCH=loader`. Both read shards as `pipeline download` stores them (short side 256, quality 95), take
a crop of 224 pixels of each image and the tokens of a caption, with two decoders (ours threads, the peer's DataLoader
workers). Ours ends at uint8, as the model normalises on its device; the peer at normalised float32. CPU is that of all
processes from the first batch asked for to the last. The peer is open_clip in the environment that `make peers` makes;
where that is not made, its transform and tokenizer written again here, without torchvision.

The interpreter's lock: the seconds of CPU that are left when the three calls that give it up (`read_jpeg_header`,
`decode_jpeg`, `resample`) cost nothing, so an upper bound of how long it is held: readers, captions, tokens and the
making of batches count whole.
"""

import io
import json
import math
import random
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import regex
import simplejpeg
import torch
import webdataset
from ftfy import fix_text
from PIL import Image

from tests.bench.cpu_seconds import Taken, taken_by
from tests.bench.photographs import repeated
from tests.bench.timing import line
from tests.peers.environments import ENVIRONMENTS, REPOSITORY
from tests.support.opened_shards import make_loader, open_shards
from trainer.data.decode import image as decode_image
from trainer.data.decode.jpeg_header import JpegHeader
from trainer.data.loader import Loader
from trainer.data.transforms import decode_crop
from trainer.model.clip import IMAGE_MEAN, IMAGE_STD
from trainer.tokenizer import train_tokenizer

NUM_IMAGES = 4_096
NUM_SHARDS = 4
BATCH_SIZE = 256
NUM_DECODERS = 2
IMAGE_PX = 224
STORED_PX = 256
NUM_ALONE = 1_024
ROUNDS = 3
CONTEXT_LENGTH = 77
WANTED, WANTED_CPU, WANTED_LOCK_MS = 3.0, 0.25, 0.12


def write_shards(folder: Path) -> list[str]:
    """Write the shards, return their captions."""
    samples = repeated(NUM_IMAGES)
    stored: dict[bytes, bytes] = {}
    for shard in range(NUM_SHARDS):
        with tarfile.open(folder / f"{shard:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for number in range(shard, NUM_IMAGES, NUM_SHARDS):
                data, caption = samples[number]
                if data not in stored:
                    stored[data] = _resized(data)
                described = json.dumps({"caption": caption}).encode()
                for suffix, body in (("jpg", stored[data]), ("txt", caption.encode()), ("json", described)):
                    member = tarfile.TarInfo(f"{number:09d}.{suffix}")
                    member.size = len(body)
                    tar.addfile(member, io.BytesIO(body))
    return [caption for _, caption in samples]


def _resized(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = STORED_PX / min(image.size)
    sink = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC).save(
        sink, "JPEG", quality=95
    )
    return sink.getvalue()


class PeerTransform:
    """open_clip's transform for training: a crop of 0.9 to 1 of the area, resized by Pillow, to tensor, normalised."""

    def __init__(self) -> None:
        self.mean = torch.tensor(IMAGE_MEAN).view(3, 1, 1)
        self.std = torch.tensor(IMAGE_STD).view(3, 1, 1)

    def __call__(self, data: bytes) -> torch.Tensor:
        with Image.open(io.BytesIO(data)) as opened:
            image = opened.convert("RGB")
        side = min(min(image.size), round(math.sqrt(random.uniform(0.9, 1.0) * image.width * image.height)))
        left, top = random.randint(0, image.width - side), random.randint(0, image.height - side)
        image = image.crop((left, top, left + side, top + side))
        image = image.resize((IMAGE_PX, IMAGE_PX), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        return pixels.float().div_(255).sub_(self.mean).div_(self.std)


class PeerTokenizer:
    """The released tokenizer's way in Python: text mended, words by a pattern, merges of each word kept in a cache."""

    def __init__(self, ids_of: Callable[[str], list[int]]) -> None:
        self._words = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+", regex.IGNORECASE)
        self._ids_of = ids_of
        self._kept: dict[str, list[int]] = {}

    def __call__(self, text: bytes) -> torch.Tensor:
        cleaned = " ".join(fix_text(text.decode()).strip().split()).lower()
        ids: list[int] = []
        for word in self._words.findall(cleaned):
            if word not in self._kept:
                self._kept[word] = self._ids_of(word)
            ids += self._kept[word]
        tokens = torch.zeros(CONTEXT_LENGTH, dtype=torch.long)
        tokens[: len(ids[:CONTEXT_LENGTH])] = torch.tensor(ids[:CONTEXT_LENGTH])
        return tokens


def peer_written_again(folder: str, ids_of: Callable[[str], list[int]]) -> Taken:
    """Return what an epoch of webdataset takes with the transform and the tokenizer above."""
    paths = sorted(str(path) for path in Path(folder).glob("*.tar"))
    dataset = (
        webdataset.WebDataset(paths, shardshuffle=False, seed=0)
        .shuffle(1_000)
        .to_tuple("jpg", "txt")
        .map_tuple(PeerTransform(), PeerTokenizer(ids_of))
        .batched(BATCH_SIZE)
    )
    loader = webdataset.WebLoader(dataset, batch_size=None, num_workers=NUM_DECODERS, persistent_workers=True)

    def epoch() -> None:
        assert sum(len(images) for images, _ in loader) == NUM_IMAGES

    return taken_by(epoch)


def open_clips_loader(folder: str) -> Taken:
    """Return what an epoch of open_clip's loader takes; its start and imports do not count."""
    command = [str(ENVIRONMENTS["open_clip"].python), "-m", "tests.peers.loader_open_clip", folder]
    numbers = [str(number) for number in (NUM_IMAGES, NUM_DECODERS, BATCH_SIZE)]
    done = subprocess.run([*command, *numbers], capture_output=True, text=True, cwd=REPOSITORY)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    share = NUM_IMAGES / found["samples"]  # it leaves out or repeats rows, so that each worker has whole batches
    return Taken(found["wall"] * share, found["cpu"] * share)


def epoch_of(loader: Loader) -> Callable[[], None]:
    """Return what reads all batches of an epoch."""
    steps = range(NUM_IMAGES // BATCH_SIZE)

    def epoch() -> None:
        batches = loader.batches(steps, BATCH_SIZE, 0, BATCH_SIZE)
        assert sum(len(batch.images_b3PP) for batch in batches) == NUM_IMAGES

    return epoch


def without_the_lock_free(epoch: Callable[[], None]) -> Taken:
    """Return what an epoch takes when decoding and resizing cost nothing."""
    pixels = np.zeros((STORED_PX, STORED_PX, 3), dtype=np.uint8)
    header = JpegHeader(True, True, STORED_PX, STORED_PX, 1, 1, True)

    def decoded(data: Any, **options: int) -> np.ndarray:
        simplejpeg.decode_jpeg_header(data, **options)  # what it does before it gives up the lock
        return pixels

    with (
        mock.patch.object(decode_image.simplejpeg, "decode_jpeg", decoded),
        mock.patch.object(decode_image, "read_jpeg_header", return_value=header),
        mock.patch("trainer.data.transforms.resample", return_value=None),
    ):
        return taken_by(epoch)


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="bench-loader-") as name:
        captions = write_shards(Path(name))
        tokenizer = train_tokenizer(captions, vocab_size=4_096, context_length=CONTEXT_LENGTH)
        data = open_shards(name)
        assert data.num_samples == NUM_IMAGES
        loader = make_loader(
            data, tokenizer, image_px=IMAGE_PX, cache_bytes=0, threads=NUM_DECODERS, read_ahead_bytes=256 << 20
        )
        epoch = epoch_of(loader)
        epoch()  # kernels compile

        def ids_of(word: str) -> list[int]:
            return tokenizer.encode([word]).to_lists()[0][1:-1]

        def peer() -> Taken:
            return open_clips_loader(name) if is_made else peer_written_again(name, ids_of)

        is_made = ENVIRONMENTS["open_clip"].is_made()
        peer_name = "open_clip's loader" if is_made else "webdataset, Pillow, open_clip's way"
        ours_taken, peers_taken, lock_taken = [], [], []
        for _ in range(ROUNDS):
            ours_taken.append(taken_by(epoch))
            peers_taken.append(peer())
            lock_taken.append(without_the_lock_free(epoch))
        files = [np.frombuffer(_resized(jpeg), dtype=np.uint8) for jpeg, _ in repeated(NUM_ALONE)]
        out = np.empty((3, IMAGE_PX, IMAGE_PX), dtype=np.uint8)

        def decoding() -> None:
            for number, file in enumerate(files):
                decode_crop(file, IMAGE_PX, number << 48, out)

        decode_cpu = min(taken_by(decoding).cpu for _ in range(ROUNDS))
        loader.close()
    wall, cpu = min(taken.wall for taken in ours_taken), min(taken.cpu for taken in ours_taken)
    peers_wall, peers_cpu = min(taken.wall for taken in peers_taken), min(taken.cpu for taken in peers_taken)
    of_image = 1_000 / NUM_IMAGES
    lock_ms = min(taken.cpu for taken in lock_taken) * of_image
    line("loader", NUM_IMAGES / wall, peer_name, NUM_IMAGES / peers_wall, "images/s", WANTED)
    line("loader-cpu", cpu * of_image, peer_name, peers_cpu * of_image, "ms of CPU an image", WANTED_CPU)
    line("loader-gil", lock_ms, "at most wanted", WANTED_LOCK_MS, "ms of Python's lock an image", 1)
    of_decode = decode_cpu / NUM_ALONE * 1_000
    line("loader-of-decode", cpu * of_image, "its decode alone", of_decode, "ms of CPU an image", 1.5)


if __name__ == "__main__":
    main()
