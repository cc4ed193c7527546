"""Photographs with captions: real ones where they are present, else made by seed."""

import csv
import io
import random
from functools import cache

import numpy as np
from PIL import Image

from tests.conftest import SHARED_DATA

NUM_MADE = 200
MADE_SIZE_PX = (640, 480)


@cache
def photographs() -> list[tuple[bytes, str]]:
    """Return (JPEG file, caption) of each photograph, sorted by name."""
    folder = SHARED_DATA / "photos"
    if not folder.is_dir():
        return [(_made(seed), f"made picture number {seed}") for seed in range(NUM_MADE)]
    with (SHARED_DATA / "photos_captions.tsv").open(newline="") as file:
        captions = {row["file"]: row["caption"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".jpg")
    return [(path.read_bytes(), captions.get(path.name, path.stem)) for path in paths]


def repeated(num: int) -> list[tuple[bytes, str]]:
    """Return `num` of the photographs, from the first on again where there are fewer."""
    found = photographs()
    return [found[number % len(found)] for number in range(num)]


def _made(seed: int) -> bytes:
    """Return a JPEG of smooth noise at three scales, about as hard to decode as a photograph."""
    draw = np.random.default_rng(seed)
    layers = [
        Image.fromarray(draw.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(MADE_SIZE_PX)
        for side in (4, 32, 200 + random.Random(seed).randint(0, 100))
    ]
    picture = Image.blend(Image.blend(layers[0], layers[1], 0.5), layers[2], 0.3)
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=90)
    return sink.getvalue()
