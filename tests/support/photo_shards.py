"""Photographs and their captions in, shards to train on and held-out shards out: 1,400 and 200 of Flickr8k's.

    python -m tests.support.photo_shards ../shared/data OUTPUT

Writes OUTPUT/train, all captions of an image in its json, and OUTPUT/held-out, the first caption of each alone. Files
are sorted by name, and the last are held out: the same shards each time.
"""

import csv
import json
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.support.small_shards import write_tar

NUM_HELD_OUT = 200
PER_SHARD = 200

Photograph = tuple[bytes, list[str]]
"""A JPEG file and its captions."""


def read_photographs(folder: Path) -> list[Photograph]:
    """Return the photographs of ``photos/`` that ``photos_captions.tsv`` has captions of, sorted by name."""
    captions: dict[str, list[str]] = defaultdict(list)
    with (folder / "photos_captions.tsv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            captions[row["file"]].append(row["caption"])
    return [((folder / "photos" / name).read_bytes(), captions[name]) for name in sorted(captions)]


def write_photo_shards(folder: Path, output: Path, *, shuffled: bool = False) -> tuple[Path, Path]:
    """Write both folders; return them. `shuffled`: the training's images have the captions of others."""
    photographs = read_photographs(folder)
    train, held_out = photographs[:-NUM_HELD_OUT], photographs[-NUM_HELD_OUT:]
    if shuffled:
        others = random.Random(0).sample([captions for _, captions in train], len(train))
        train = [(image, captions) for (image, _), captions in zip(train, others, strict=True)]
    _write(output / "train", train)
    _write(output / "held-out", [(image, captions[:1]) for image, captions in held_out])
    return output / "train", output / "held-out"


def _write(folder: Path, photographs: Sequence[Photograph]) -> None:
    folder.mkdir(parents=True)
    for start in range(0, len(photographs), PER_SHARD):
        members = []
        for number, (image, captions) in enumerate(photographs[start : start + PER_SHARD], start):
            members.append((f"{number:06d}.jpg", image))
            members.append((f"{number:06d}.json", json.dumps({"captions": captions}).encode()))
            members.append((f"{number:06d}.txt", captions[0].encode()))
        write_tar(folder / f"{start // PER_SHARD:05d}.tar", members)


if __name__ == "__main__":
    write_photo_shards(*(Path(argument) for argument in sys.argv[1:3]))
