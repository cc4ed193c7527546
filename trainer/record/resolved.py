"""What a config means on the machine that starts the run: absolute paths, the device, the CPUs of a worker."""

import os
from dataclasses import replace

import torch

from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.data.read.captions import parse_rule
from trainer.telling.early_loss import NAMES as EARLY_LOSSES
from trainer.telling.expected_loss import read_expected_loss
from trainer.workers.counts import most_workers
from trainer.workers.cpu_share import usable_cpus, with_cpus

OF_PATHS = (
    "output", "evaluate_dataset", "evaluate_classes", "evaluate_templates", "evaluate_shards", "expect_loss",
    "init_from", "init_image_from", "tokenizer", "model",
)  # fmt: skip
"""Options that name one path, beside shards."""


def named_paths(config: TrainConfig) -> list[tuple[str, str]]:
    """Return (option, path) of each path that the config names beside its shards."""
    found = [(name, getattr(config, name)) for name in OF_PATHS]
    found = [(name, path) for name, path in found if path is not None and not _is_name(name, path)]
    return [(f"--{name.replace('_', '-')}", path) for name, path in found]


def _is_name(option: str, value: str) -> bool:
    """Tell whether the value of an option that may be a path is a name."""
    names = {"tokenizer": ("openai", "train"), "expect_loss": EARLY_LOSSES}
    return value in names.get(option, ()) or (option == "model" and not value.endswith(".json"))


def check_room(config: TrainConfig) -> None:
    """Raise ValueError where blocks are to be recomputed as memory demands, and the memory is not said."""
    if config.activation_checkpointing == "auto" and config.activation_gb is None and config.device == "cpu":
        raise ValueError("activation_checkpointing auto takes activation_gb on a CPU, found none")


def resolve(config: TrainConfig) -> TrainConfig:
    """Return the config with absolute paths, the device decided, and the share of this machine's CPUs.

    Raises FileNotFoundError or ValueError for a geometry in files that cannot be taken.
    """
    device = config.device if config.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    shards = tuple(Folder(path).url for path in config.shards)
    paths = {option[2:].replace("-", "_"): Folder(path).url for option, path in named_paths(config)}
    resolved = replace(config, **paths, shards=shards, device=device)  # type: ignore[arg-type]  # all are texts
    resolved.check_geometry()
    for rule in resolved.captions:
        parse_rule(rule)
    check_room(resolved)
    if resolved.expect_loss is not None and resolved.expect_loss not in EARLY_LOSSES:
        read_expected_loss(resolved.expect_loss)
    if "RAY_ADDRESS" in os.environ:
        return resolved
    return with_cpus(resolved, usable_cpus(), most_workers(config.num_workers))
