"""Small shards for the trainer's tests: coloured noise with captions that name the colour."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 60, 220), "yellow": (240, 230, 40)}


def picture(number: int, side_px: int = 64, image_format: str = "PNG") -> bytes:
    """Return a picture of the colour `number` chooses."""
    rng = np.random.default_rng(number)
    colour = list(COLOURS.values())[number % len(COLOURS)]
    noise = rng.integers(-20, 21, size=(side_px, side_px, 3))
    sink = io.BytesIO()
    Image.fromarray(np.clip(noise + colour, 0, 255).astype(np.uint8)).save(sink, image_format)
    return sink.getvalue()


def captions(number: int) -> list[str]:
    """Return one to three captions."""
    name = list(COLOURS)[number % len(COLOURS)]
    return [f"a {name} picture", f"Something {name}, number {number}", f"{name}!"][: number % 3 + 1]


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def write_shards(directory: Path, num_samples: int, per_shard: int = 16, broken: tuple[int, ...] = ()) -> Path:
    """Write plain WebDataset tars; the images of `broken` samples do not decode."""
    directory.mkdir(parents=True, exist_ok=True)
    for start in range(0, num_samples, per_shard):
        members = []
        for number in range(start, min(start + per_shard, num_samples)):
            key = f"{number:06d}"
            image = picture(number)
            members.append((f"{key}.png", image[: len(image) // 2] if number in broken else image))
            members.append((f"{key}.txt", captions(number)[0].encode()))
            members.append((f"{key}.json", json.dumps({"captions": captions(number)}).encode()))
        write_tar(directory / f"{start // per_shard:05d}.tar", members)
    return directory
