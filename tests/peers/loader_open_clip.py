"""Run by the environment ``open_clip``: one epoch of open_clip's own training loader over shards, timed.

In: a folder of shards, the number of their samples, workers, rows of a batch. Out: seconds, as JSON. The loader is the
one that ``open_clip_train.main`` builds for ViT-B-32: webdataset, Pillow, its transform for training, its tokenizer.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import tests.peers.torchvision_alone  # noqa: F401  (first of all)

# isort: split
import open_clip
import torch
from open_clip_train.data import get_data
from open_clip_train.params import parse_args

from tests.bench.cpu_seconds import taken_by


def main() -> None:
    """Read the shards once."""
    folder, num_samples, workers, batch_size = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(1)
    tars = sorted(str(path) for path in Path(folder).glob("*.tar"))
    args = parse_args([
        "--dataset-type", "webdataset", "--workers", str(workers), "--batch-size", str(batch_size), "--train-data",
        "::".join(tars), "--train-num-samples", str(num_samples),
    ])  # fmt: skip
    args.distributed, args.world_size, args.rank = False, 1, 0
    transform = open_clip.image_transform(224, is_train=True)
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    loader = get_data(args, (transform, None), epoch=0, tokenizer=tokenizer)["train"].dataloader
    seen = 0

    def epoch() -> None:
        nonlocal seen
        for images, tokens in loader:
            assert images.shape[1:] == (3, 224, 224)
            assert len(tokens) == len(images)
            seen += len(images)

    taken = taken_by(epoch)
    print(json.dumps({"samples": seen} | asdict(taken)))


if __name__ == "__main__":
    main()
