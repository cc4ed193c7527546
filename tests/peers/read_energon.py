"""Run by an environment of peers: a prepared shards folder in, the captions that Energon gives out, as JSON."""

import json
import sys

from megatron.energon import WorkerConfig, get_loader, get_val_dataset


def main() -> None:
    """Read every sample once."""
    workers = WorkerConfig(rank=0, world_size=1, num_workers=0)
    dataset = get_val_dataset(sys.argv[1], batch_size=1, worker_config=workers, split_part="train")
    captions = []
    for batch in get_loader(dataset):
        assert batch.image.shape[1] == 3, batch.image.shape
        captions += batch.caption
    print(json.dumps(captions))


main()
