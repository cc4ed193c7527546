"""Shards of photographs as `pipeline download` stores them: short side 256, quality 95, captions in txt and json."""

import io
import json
from pathlib import Path

from PIL import Image

from pipeline.download.shard.tar import add_member, open_tar
from tests.bench.photographs import repeated

STORED_PX = 256


def write_stored(folder: Path, samples: int, num_tars: int) -> list[Path]:
    """Write so many samples to each of some tars; return their paths."""
    folder.mkdir(parents=True)
    photographs = repeated(samples)
    stored: dict[bytes, bytes] = {}
    paths = [folder / f"{number:05d}.tar" for number in range(num_tars)]
    for number, path in enumerate(paths):
        with path.open("wb") as sink, open_tar(sink) as tar:
            for at, (data, caption) in enumerate(photographs):
                if data not in stored:
                    stored[data] = resized(data)
                key = f"{number:05d}{at:06d}"
                add_member(tar, key, ".jpg", stored[data])
                add_member(tar, key, ".json", json.dumps({"caption": caption}).encode())
                add_member(tar, key, ".txt", caption.encode())
    return paths


def resized(data: bytes) -> bytes:
    """Return a photograph as it is stored."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = STORED_PX / min(image.size)
    sink = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC).save(
        sink, "JPEG", quality=95
    )
    return sink.getvalue()
