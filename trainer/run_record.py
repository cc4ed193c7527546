"""What decides the weights of a training: its options and its shards in, the record of its ``run.json`` out."""

import dataclasses
from collections.abc import Sequence

from schemas.run_options import identity_options
from schemas.run_record import RunRecord
from trainer.config import OF_RECIPE, TrainConfig
from trainer.data.open_data import ShardFolder, describe_inputs

ALGORITHM_VERSION = "3"
"""Raise it whenever the same options would train other weights."""


def training_record(config: TrainConfig, folders: Sequence[ShardFolder]) -> RunRecord:
    """Return what decides the weights: resolved recipe and model, seed, shards; not the number of workers.

    `folders` are the config's shards, listed once: what is named here is what is read.
    """
    resolved = (*OF_RECIPE, "vocab_size", "loss")
    parts = {name: value for name, value in identity_options(config).items() if name not in resolved}
    parts["recipe"] = dataclasses.asdict(config.recipe)
    parts["geometry"] = dataclasses.asdict(config.model_config)
    parts["geometry"]["image"]["blocks"] = list(parts["geometry"]["image"].get("blocks", []))
    return RunRecord(
        command="trainer run",
        config=parts,
        inputs=describe_inputs(folders),
        algorithm=ALGORITHM_VERSION,
        paths={"shards": list(config.shards)},
    )
