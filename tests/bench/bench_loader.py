"""Speed of the trainer's loader beside webdataset with Pillow and the usual CLIP transform, on the same shards.

Run by `make bench BENCH=loader`. Both read shards as `pipeline download` stores them (short side 256, quality 95),
decode each image once with two decoders (ours threads, the peer's DataLoader workers) and end at normalised
float32 batches; the line named "uint8" ends ours where the loader does, as the model normalises on its device. Ours
tokenises the captions besides; the peer only reads them.
"""

import io
import json
import random
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import webdataset
from PIL import Image

from tests.bench.photographs import repeated
from tests.bench.timing import best, line
from trainer.data.loader import Loader, SampleReader
from trainer.data.shard_index import read_shards
from trainer.data.transforms import decode
from trainer.model.clip import IMAGE_MEAN, IMAGE_STD
from trainer.tokenizer import train_tokenizer

NUM_IMAGES = 4_096
NUM_SHARDS = 4
BATCH_SIZE = 256
NUM_DECODERS = 2
IMAGE_PX = 224
STORED_PX = 256
NUM_ALONE = 1_024
WANTED = 1.5


def write_shards(folder: Path) -> list[str]:
    """Write the shards, return their paths."""
    paths = []
    samples = repeated(NUM_IMAGES)
    stored: dict[bytes, bytes] = {}
    for shard in range(NUM_SHARDS):
        paths.append(str(folder / f"{shard:05d}.tar"))
        with tarfile.open(paths[-1], "w") as tar:
            for number in range(shard, NUM_IMAGES, NUM_SHARDS):
                data, caption = samples[number]
                if data not in stored:
                    stored[data] = _resized(data)
                described = json.dumps({"caption": caption}).encode()
                for suffix, body in (("jpg", stored[data]), ("txt", caption.encode()), ("json", described)):
                    member = tarfile.TarInfo(f"{number:09d}.{suffix}")
                    member.size = len(body)
                    tar.addfile(member, io.BytesIO(body))
    return paths


def _resized(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = STORED_PX / min(image.size)
    sink = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC).save(
        sink, "JPEG", quality=95
    )
    return sink.getvalue()


class PeerTransform:
    """The CLIP release's transform with a random crop: resize the short side, crop, to tensor, normalise."""

    def __init__(self) -> None:
        self.mean = torch.tensor(IMAGE_MEAN).view(3, 1, 1)
        self.std = torch.tensor(IMAGE_STD).view(3, 1, 1)

    def __call__(self, data: bytes) -> torch.Tensor:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        scale = IMAGE_PX / min(image.size)
        width, height = (max(IMAGE_PX, int(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
        left, top = random.randint(0, width - IMAGE_PX), random.randint(0, height - IMAGE_PX)
        image = image.crop((left, top, left + IMAGE_PX, top + IMAGE_PX))
        pixels = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).contiguous()
        return pixels.float().div_(255).sub_(self.mean).div_(self.std)


def main() -> None:
    torch.set_num_threads(1)
    mean, std = torch.tensor(IMAGE_MEAN).view(1, 3, 1, 1), torch.tensor(IMAGE_STD).view(1, 3, 1, 1)
    with tempfile.TemporaryDirectory(prefix="bench-loader-") as name:
        paths = write_shards(Path(name))
        index = read_shards((name,))
        assert len(index) == NUM_IMAGES
        tokenizer = train_tokenizer(index.captions.values.to_pylist(), vocab_size=4_096, context_length=77)
        loader = Loader(SampleReader(index, IMAGE_PX, 0), tokenizer, seed=0, decode_threads=NUM_DECODERS)

        def ranges() -> Iterator[tuple[int, int]]:
            return ((start, start + BATCH_SIZE) for start in range(0, NUM_IMAGES, BATCH_SIZE))

        def ours_uint8() -> None:
            assert sum(len(batch.images_b3PP) for batch in loader.batches(ranges())) == NUM_IMAGES

        def ours() -> None:
            for batch in loader.batches(ranges()):
                batch.images_b3PP.float().div_(255).sub_(mean).div_(std)

        def peer() -> None:
            dataset = (
                webdataset.WebDataset(paths, shardshuffle=False, seed=0)
                .shuffle(1_000)
                .to_tuple("jpg", "txt")
                .map_tuple(PeerTransform(), bytes.decode)
                .batched(BATCH_SIZE)
            )
            batches = webdataset.WebLoader(dataset, batch_size=None, num_workers=NUM_DECODERS)
            assert sum(len(images) for images, _ in batches) == NUM_IMAGES

        files = [loader.reader._bytes_of(sample) for sample in range(NUM_ALONE)]

        def decoding() -> None:
            for data in files:
                decode(data, IMAGE_PX)

        our_seconds, uint8_seconds, peer_seconds, decode_seconds = best(ours, ours_uint8, peer, decoding)
        loader.close()
    rate, uint8_rate, peer_rate = (NUM_IMAGES / seconds for seconds in (our_seconds, uint8_seconds, peer_seconds))
    line("loader", rate, "webdataset and Pillow", peer_rate, "images/s", WANTED)
    line("loader-uint8", uint8_rate, "webdataset and Pillow", peer_rate, "images/s", WANTED)
    alone = NUM_DECODERS * NUM_ALONE / decode_seconds
    line("loader-of-decode", uint8_rate, f"its decode alone, times {NUM_DECODERS}", alone, "images/s", 1)


if __name__ == "__main__":
    main()
