"""The command ``trainer``: train, plan, evaluate, classify, interpolate.

``trainer/run.py`` trains where it is not installed.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from schemas.command_options import read_options
from trainer.command_line import expected_errors
from trainer.config import TrainConfig
from trainer.evaluate.config import ZeroShotConfig
from trainer.evaluate.retrieval_config import RetrievalConfig
from trainer.memory.config import MemoryPlanConfig
from trainer.use.classify_config import ClassifyConfig
from trainer.weights.interpolate_config import InterpolateConfig
from trainer.workers.start import start

ZeroShot = Annotated[ZeroShotConfig, tyro.conf.subcommand("zero-shot", prefix_name=False)]
Retrieval = Annotated[RetrievalConfig, tyro.conf.subcommand("retrieval", prefix_name=False)]


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure a trained model."""

    config: ZeroShot | Retrieval
    """How it is measured."""


Command = (
    Annotated[TrainConfig, tyro.conf.subcommand("train", prefix_name=False)]
    | Annotated[MemoryPlanConfig, tyro.conf.subcommand("plan", prefix_name=False)]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate", prefix_name=False)]
    | Annotated[ClassifyConfig, tyro.conf.subcommand("classify", prefix_name=False)]
    | Annotated[InterpolateConfig, tyro.conf.subcommand("interpolate", prefix_name=False)]
)

CONFIGS: dict[tuple[str, ...], Any] = {
    ("train",): TrainConfig,
    ("plan",): MemoryPlanConfig,
    ("evaluate", "zero-shot"): ZeroShotConfig,
    ("evaluate", "retrieval"): RetrievalConfig,
    ("classify",): ClassifyConfig,
    ("interpolate",): InterpolateConfig,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a subcommand. An expected error ends with one line on stderr and exit code 2."""
    with expected_errors():
        config = parse(sys.argv[1:] if arguments is None else arguments)
        if isinstance(config, TrainConfig):
            start(config)
        elif isinstance(config, ClassifyConfig):
            from trainer.use.classify import classify

            classify(config)
        elif isinstance(config, RetrievalConfig):
            from trainer.evaluate.retrieve import retrieve

            retrieve(config)
        elif isinstance(config, InterpolateConfig):
            from trainer.weights.interpolate import interpolate

            interpolate(config)
        elif isinstance(config, MemoryPlanConfig):
            from trainer.memory.table import memory_table

            print(memory_table(config))
        else:
            from trainer.evaluate.zero_shot import evaluate

            evaluate(config)


def parse(arguments: Sequence[str]) -> Any:
    """Return the config of the subcommand. A named one is parsed alone: tyro's hints then name its own ``--help``."""
    for names, config in CONFIGS.items():
        if tuple(arguments[: len(names)]) == names:
            return read_options(config, prog=" ".join(("trainer", *names)), arguments=arguments[len(names) :])
    described = "Train CLIP on shards, measure it, and use it."
    return read_options(Command, prog="trainer", description=described, arguments=arguments)


if __name__ == "__main__":
    main()
