"""Data sets of the killed runs: shards of one sample, empty ones, several sources, more samples than are mixed."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.small_shards import write_tar
from trainer.data import ShardLoader

IMAGE_PX = 8
BROKEN_EVERY = 13
"""Every so many images do not decode: what takes their place has to be the same, too."""


@dataclass(frozen=True)
class MadeData:
    """Folders of shards by the sizes of their tars, and what a loader is told beside them."""

    shards: tuple[tuple[int, ...], ...]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def num_samples(self) -> int:
        return sum(map(sum, self.shards))

    def write(self, root: Path) -> None:
        first = 0
        for number, sizes in enumerate(self.shards):
            folder = root / str(number)
            folder.mkdir(parents=True)
            for shard, size in enumerate(sizes):
                write_tar(folder / f"{shard:05d}.tar", _members(first, size))
                first += size

    def paths(self, root: Path) -> list[str]:
        return [str(root / str(number)) for number in range(len(self.shards))]


DATA_SETS = {
    "one sample": MadeData(((1,),)),
    "several sources": MadeData(
        ((40, 1, 29), (0, 23)), {"weights": (1.0, 2.5), "captions": ("caption=1,synthetic=2", "random")}
    ),
    "streams": MadeData(((*(30 + number % 7 * 9 for number in range(24)), 0, 1),), {"shuffle_pool": 1_024}),
    "unequal": MadeData(((37, 1, 0, 64, 5),)),
}
"""`streams` has more samples than the pool: 512 streams with windows of 2 samples."""


def _members(first: int, size: int) -> list[tuple[str, bytes]]:
    members = []
    for number in range(first, first + size):
        image = _image(number)
        texts = {"caption": [f"alt {number}", f"title {number}"], "synthetic": f"made up {number}"}
        members.append((f"{number:06d}.png", image[:40] if number % BROKEN_EVERY == BROKEN_EVERY - 1 else image))
        members.append((f"{number:06d}.json", json.dumps(texts).encode()))
    return members


def _image(number: int) -> bytes:
    sink = io.BytesIO()
    side = np.random.default_rng(number).integers(0, 256, size=(IMAGE_PX, IMAGE_PX + 4, 3), dtype=np.uint8)
    Image.fromarray(side).save(sink, "PNG")
    return sink.getvalue()


def open_loader(name: str, paths: list[str], **options: Any) -> ShardLoader:
    """Return a loader of data set `name`, whose folders are `paths`."""
    return ShardLoader(paths, image_px=IMAGE_PX, **DATA_SETS[name].options, **options)
