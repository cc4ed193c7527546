"""The demo's pictures and captions as plain WebDataset tars, without any pipeline: to tune training on.

python -m tests.demo.preview --output DIR [--num 15000] [--seed 0]
"""

import io
import json
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from tests.demo.world import World, write_evaluation

SAMPLES_PER_SHARD = 2_000


@dataclass(frozen=True, kw_only=True)
class PreviewConfig:
    """Write pictures and captions as tars, and the evaluation set."""

    output: Path
    """Folder for `shards/`, `unseen/`, `classes.txt` and `templates.txt`."""
    num: int = 15_000
    """Pictures."""
    seed: int = 0


def write_preview(config: PreviewConfig) -> None:
    """Write `shards/00000.tar`... (jpg or png, first caption as txt, all captions in json) and the evaluation set."""
    world = World(seed=config.seed, num_images=config.num)
    shards = config.output / "shards"
    shards.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng([config.seed, 4]).permutation(config.num)
    sizes = {}
    for shard, begin in enumerate(range(0, config.num, SAMPLES_PER_SHARD)):
        numbers = [int(number) for number in order[begin : begin + SAMPLES_PER_SHARD]]
        sizes[f"{shard:05d}.tar"] = len(numbers)
        with tarfile.open(shards / f"{shard:05d}.tar", "w") as tar:
            for number in numbers:
                captions = [written.text for written in world.captions(number)]
                ending = world.path(number).rsplit(".", 1)[1]
                for suffix, data in (
                    (ending, world.picture(number)),
                    ("txt", captions[0].encode()),
                    ("json", json.dumps({"captions": captions}).encode()),
                ):
                    member = tarfile.TarInfo(f"{number:09d}.{suffix}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
    (shards / "sizes.json").write_text(json.dumps(sizes))
    write_evaluation(world, config.output)


def main() -> None:
    config = tyro.cli(PreviewConfig)
    start = time.perf_counter()
    write_preview(config)
    print(f"{config.num} pictures in {config.output}, {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
