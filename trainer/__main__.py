"""The command ``trainer``: one table of its subcommands. ``trainer/run.py`` trains where it is not installed."""

import sys
from collections.abc import Sequence
from dataclasses import make_dataclass
from functools import reduce
from importlib import import_module
from operator import or_
from typing import Annotated, Any

import tyro

from schemas.command_options import read_options
from trainer.command_line import expected_errors
from trainer.config import TrainConfig
from trainer.detect.evaluate_config import DetectEvaluateConfig
from trainer.detect.run_config import DetectRunConfig
from trainer.detect.train_config import DetectTrainConfig
from trainer.embed.config import EmbedConfig
from trainer.evaluate.config import ZeroShotConfig
from trainer.evaluate.labels.config import LabelsConfig
from trainer.evaluate.probe.config import FewShotConfig, ProbeConfig
from trainer.evaluate.prompting.config import PromptsConfig
from trainer.evaluate.retrieval_config import RetrievalConfig
from trainer.evaluate.robustness.config import RobustnessConfig
from trainer.export.config import ExportConfig
from trainer.guide.config import GuideConfig
from trainer.memory.config import MemoryPlanConfig
from trainer.search.config import BuildIndexConfig, SearchConfig
from trainer.use.classify_config import ClassifyConfig
from trainer.video.config import VideoConfig
from trainer.weights.import_config import ImportConfig
from trainer.weights.interpolate_config import InterpolateConfig

CONFIGS: dict[tuple[str, ...], Any] = {
    ("train",): TrainConfig,
    ("plan",): MemoryPlanConfig,
    ("evaluate", "zero-shot"): ZeroShotConfig,
    ("evaluate", "retrieval"): RetrievalConfig,
    ("classify",): ClassifyConfig,
    ("interpolate",): InterpolateConfig,
    ("export",): ExportConfig,
    ("import",): ImportConfig,
    ("detect", "train"): DetectTrainConfig,
    ("detect", "run"): DetectRunConfig,
    ("detect", "evaluate"): DetectEvaluateConfig,
    ("evaluate", "probe"): ProbeConfig,
    ("evaluate", "few-shot"): FewShotConfig,
    ("evaluate", "robustness"): RobustnessConfig,
    ("evaluate", "labels"): LabelsConfig,
    ("prompts",): PromptsConfig,
    ("embed",): EmbedConfig,
    ("build-index",): BuildIndexConfig,
    ("search",): SearchConfig,
    ("video",): VideoConfig,
    ("guide",): GuideConfig,
}

RUN_BY: dict[Any, str] = {
    TrainConfig: "trainer.workers.start:start",
    MemoryPlanConfig: "trainer.memory.table:tell_memory_table",
    ZeroShotConfig: "trainer.evaluate.zero_shot:evaluate",
    RetrievalConfig: "trainer.evaluate.retrieve:retrieve",
    ClassifyConfig: "trainer.use.classify:classify",
    InterpolateConfig: "trainer.weights.interpolate:interpolate",
    ExportConfig: "trainer.export.export:export",
    ImportConfig: "trainer.weights.import_model:import_model",
    DetectTrainConfig: "trainer.detect.train:train",
    DetectRunConfig: "trainer.detect.run:run",
    DetectEvaluateConfig: "trainer.detect.evaluate:evaluate",
    ProbeConfig: "trainer.evaluate.probe.linear_probe:linear_probe",
    FewShotConfig: "trainer.evaluate.probe.few_shot_curve:few_shot_curve",
    RobustnessConfig: "trainer.evaluate.robustness.robustness:robustness",
    LabelsConfig: "trainer.evaluate.labels.label_rates:label_rates",
    PromptsConfig: "trainer.evaluate.prompting.prompts:measure_prompts",
    EmbedConfig: "trainer.embed.start:start",
    BuildIndexConfig: "trainer.search.index_files:build_index",
    SearchConfig: "trainer.search.ask:search",
    VideoConfig: "trainer.video.find:find",
    GuideConfig: "trainer.guide.guide:guide",
}
"""Module and function of each; imported when it is run, since most import torch."""

GROUPS = {
    "evaluate": "Measure a trained model.",
    "detect": "Find what texts or a picture ask for in images (OWL-ViT).",
}
"""Of subcommands of two words."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a subcommand. An expected error ends with one line on stderr and exit code 2."""
    with expected_errors():
        config = parse(sys.argv[1:] if arguments is None else arguments)
        module, _, function = RUN_BY[type(config)].partition(":")
        getattr(import_module(module), function)(config)


def parse(arguments: Sequence[str]) -> Any:
    """Return the config of the subcommand. A named one is parsed alone: tyro's hints then name its own ``--help``."""
    for names, config in CONFIGS.items():
        if tuple(arguments[: len(names)]) == names:
            return read_options(config, prog=" ".join(("trainer", *names)), arguments=arguments[len(names) :])
    described = "Train CLIP on shards, measure it, and use it."
    found = read_options(_all_commands(), prog="trainer", description=described, arguments=arguments)
    return found.config if type(found) not in RUN_BY else found


def _all_commands() -> Any:
    """Return the union of all subcommands, those of a group inside a command of the group's name."""
    members: dict[str, Any] = {}
    for names, config in CONFIGS.items():
        members[names[0]] = _group(names[0]) if len(names) == 2 else config
    return _union(members)


def _group(name: str) -> Any:
    members = {names[1]: config for names, config in CONFIGS.items() if len(names) == 2 and names[0] == name}
    made = make_dataclass(name.capitalize(), [("config", _union(members))], frozen=True, kw_only=True)
    made.__doc__ = GROUPS[name]
    return made


def _union(members: dict[str, Any]) -> Any:
    """Return the union that tyro makes subcommands of; of at least two."""
    named = [Annotated[member, tyro.conf.subcommand(name, prefix_name=False)] for name, member in members.items()]
    return reduce(or_, named)


if __name__ == "__main__":
    main()
