"""What decides the weights of a training: its options and its shards in, the record of its ``run.json`` out."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from schemas.run_options import identity_options
from schemas.run_record import RunRecord
from trainer.config import OF_RECIPE, TrainConfig
from trainer.weights.begin import describe_beginning

OF_MODEL = ("model", "image_px", "init_from", "init_image_from", "tokenizer", "vocab_size")
"""Options in whose place the geometry and the hashes of what was given are in the identity."""

ALGORITHM_VERSION = "4"
"""Raise it whenever the same options would train other weights."""


def training_record(
    config: TrainConfig, listed: Sequence[dict[str, Any]], given: Sequence[dict[str, Any]] | None = None
) -> RunRecord:
    """Return what decides the weights: resolved recipe and model, seed, shards; not the number of workers.

    `listed` is what `describe_inputs` says of the config's shards: what is named here is what is read. `given`
    describes the weights and the tokenizer that the run begins with; they are hashed here when it is None.
    """
    resolved = (*OF_RECIPE, *OF_MODEL, "loss")
    parts = {name: value for name, value in identity_options(config).items() if name not in resolved}
    parts["recipe"] = dataclasses.asdict(config.recipe)
    parts["geometry"] = dataclasses.asdict(config.model_config)
    parts["geometry"]["image"]["blocks"] = list(parts["geometry"]["image"].get("blocks", []))
    return RunRecord(
        command="trainer run",
        config=parts,
        inputs=[*listed, *(describe_beginning(config) if given is None else given)],
        algorithm=ALGORITHM_VERSION,
        paths={
            "shards": list(config.shards),
            **{name: path for name in ("init_from", "init_image_from") if (path := getattr(config, name)) is not None},
        },
    )
