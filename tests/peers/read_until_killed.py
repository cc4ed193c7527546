"""Run by an environment of peers, one process a worker of a training: batches until the end or until the kill.

Argument: JSON. `reader` reads `data` (which it wrote before, with `write`), goes on at the state in `begin` if that
is there, and gives batches of `batch_size` from `loader_workers` processes, `epochs` times all samples. Each batch's
ids go to `log`, the reader's state after it to `end`; after `kill_after` batches the process kills itself. What a state
is, and how one goes on there, is what each reader documents.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Batches = Iterator[tuple[list[int], Any]]
"""Ids, and the state after them."""


def webdataset(options: dict[str, Any], state: Any) -> Batches:
    """Nothing is documented but epochs: the one that was cut begins again, with the shuffles that its number gives."""
    import webdataset

    tars = sorted(str(path) for path in Path(options["data"]).glob("*.tar"))
    for epoch in range(state["epoch"] if state else 0, options["epochs"]):
        seed = options["seed"] + epoch
        dataset = webdataset.WebDataset(
            tars, shardshuffle=100, detshuffle=True, seed=seed, nodesplitter=webdataset.split_by_node
        )
        dataset = dataset.compose(webdataset.detshuffle(100, initial=100, seed=seed))
        dataset = dataset.map(_key).batched(options["batch_size"], collation_fn=list)
        for ids in webdataset.WebLoader(dataset, batch_size=None, num_workers=options["loader_workers"]):
            yield ids, {"epoch": epoch}


def _key(sample: dict[str, Any]) -> int:
    return int(sample["__key__"])


def litdata(options: dict[str, Any], state: Any) -> Batches:
    """``StreamingDataLoader.state_dict`` and ``load_state_dict``."""
    from litdata import StreamingDataLoader, StreamingDataset

    dataset = StreamingDataset(options["data"], shuffle=True, seed=options["seed"], drop_last=True)
    loader = StreamingDataLoader(
        dataset, batch_size=options["batch_size"], num_workers=options["loader_workers"], shuffle=True
    )
    if state:
        loader.load_state_dict(state)
    for _ in range(options["epochs"] - (state["current_epoch"] - 1 if state else 0)):
        for batch in loader:
            yield batch["id"].tolist(), loader.state_dict()


def mosaicml(options: dict[str, Any], state: Any) -> Batches:
    """``StreamingDataLoader.state_dict`` and ``load_state_dict``, the global batch always the same."""
    from streaming import StreamingDataLoader, StreamingDataset

    dataset = StreamingDataset(
        local=options["data"], shuffle=True, shuffle_seed=options["seed"], batch_size=options["batch_size"]
    )
    loader = StreamingDataLoader(dataset, batch_size=options["batch_size"], num_workers=options["loader_workers"])
    if state:
        loader.load_state_dict(state)
    for _ in range(options["epochs"] - (state["epoch"] if state else 0)):
        for batch in loader:
            yield batch["id"].tolist(), loader.state_dict()


def ours(options: dict[str, Any], state: Any) -> Batches:
    """``ShardLoader.state_dict`` and ``load_state_dict``; loader workers are threads."""
    from trainer.data import ShardLoader

    size = int(os.environ["WORLD_SIZE"])
    loader = ShardLoader(
        options["data"], batch_size=options["batch_size"] * size, image_px=16, epochs=options["epochs"],
        seed=options["seed"], rank=int(os.environ["RANK"]), world_size=size, decode_threads=options["loader_workers"],
    )  # fmt: skip
    if state:
        loader.load_state_dict(state)
    for batch in loader:
        yield [int(caption) for caption in batch.captions], loader.state_dict()


def write(reader: str, data: str, num_samples: int, per_shard: int) -> None:
    """Write samples 0, 1, ... in the format of a reader that has one of its own."""
    if reader == "mosaicml":
        from streaming import MDSWriter

        limit = per_shard * 16 + 4 * (per_shard + 1) + 200
        with MDSWriter(out=data, columns={"id": "int"}, size_limit=limit) as sink:
            for number in range(num_samples):
                sink.write({"id": number})
    if reader == "litdata":
        from litdata import optimize

        optimize(_sample, list(range(num_samples)), data, chunk_size=per_shard, num_workers=1)


def _sample(number: int) -> dict[str, int]:
    return {"id": number}


READERS = {"webdataset": webdataset, "litdata": litdata, "mosaicml": mosaicml, "ours": ours}


def main() -> None:
    """Read, or write."""
    options = json.loads(sys.argv[1])
    if "write" in options:
        write(options["reader"], options["data"], options["num_samples"], options["per_shard"])
        return
    begin, end = Path(options["begin"]), Path(options["end"])
    state = json.loads(begin.read_text()) if begin.exists() else None
    with open(options["log"], "w") as log:
        for number, (ids, after) in enumerate(READERS[options["reader"]](options, state), 1):
            log.write(json.dumps(ids) + "\n")
            log.flush()
            end.with_suffix(".half").write_text(json.dumps(after))
            end.with_suffix(".half").replace(end)
            if number == options["kill_after"]:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
