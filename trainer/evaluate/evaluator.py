"""The evaluations of a run while it trains: its options in, measures of the model as it is now out."""

from collections.abc import Sequence
from typing import Protocol

import torch

from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.data.loader import DEADLINE_S
from trainer.data.open_data import open_data, open_folders, prepare_indexes, read_indexes
from trainer.data.read.block_bytes import BlockBytes
from trainer.evaluate.class_accuracy import ClassAccuracy
from trainer.evaluate.retrieval import Retrieval
from trainer.model.clip import CLIP
from trainer.options.evaluating import EvaluatingOptions
from trainer.step.precision import autocast_dtype
from trainer.step.sharding import gathered
from trainer.tokenizer import CaptionTokenizer
from trainer.workers.distributed import World

EVALUATION_DIR = "evaluation"
"""In the run's folder: the index of the held-out shards."""


class Measured(Protocol):
    """One kind of evaluation."""

    measures: Sequence[str]

    def measure(
        self, model: CLIP, tokenizer: CaptionTokenizer, world: World, *, batch_size: int, threads: int
    ) -> dict[str, float]: ...


class Evaluator:
    """What is measured; the same on all workers."""

    def __init__(self, config: TrainConfig, folder: Folder, world: World) -> None:
        """Open what the options name. Raises ValueError or FileNotFoundError before the first step."""
        self._config = config
        self._world = world
        self._kinds: list[Measured] = []
        if (accuracy := _open_accuracy(config)) is not None:
            self._kinds.append(accuracy)
        if config.evaluate_shards is not None:
            self._kinds.append(_open_retrieval(config, config.evaluate_shards, folder, world))

    def is_due(self, step: int, *, is_last: bool) -> bool:
        """Tell whether the model is measured after `step`."""
        every = self._config.evaluate_every_steps
        return every is not None and (is_last or step % every == 0)

    @torch.no_grad()
    def measure(self, model: CLIP, tokenizer: CaptionTokenizer) -> dict[str, float]:
        """Return all measures, the same on all workers; the model trains on as if it had not been asked.

        BatchNorm's running statistics are those of the first worker, which are the model's.
        """
        state = model.state_dict()
        for name, buffer in model.named_buffers():
            if name in state:
                self._world.copy_of_first(buffer)
        dtype = autocast_dtype(self._config.precision, self._world.device)
        was_training = model.training
        model.eval()
        found: dict[str, float] = {}
        autocast = torch.autocast(self._world.device.type, dtype=dtype, enabled=dtype is not None)
        with gathered(model), autocast:  # workers have different numbers of batches
            for kind in self._kinds:
                found |= kind.measure(
                    model, tokenizer, self._world, batch_size=self._config.evaluate_batch_size,
                    threads=max(1, self._config.cpus_per_worker, self._config.decode_threads),
                )  # fmt: skip
        model.train(was_training)
        return found


def check_evaluated(config: EvaluatingOptions) -> None:
    """Raise ValueError or FileNotFoundError for what the options name and a run could not be measured on."""
    _open_accuracy(config, tells=False)
    if config.evaluate_shards is not None:
        open_folders([config.evaluate_shards], "--evaluate-shards")


def _open_accuracy(config: EvaluatingOptions, *, tells: bool = True) -> ClassAccuracy | None:
    if config.evaluate_dataset is None:
        return None
    assert config.evaluate_classes is not None
    assert config.evaluate_templates is not None
    return ClassAccuracy(config.evaluate_dataset, config.evaluate_classes, config.evaluate_templates, tells=tells)


def _open_retrieval(config: TrainConfig, shards: str, folder: Folder, world: World) -> Retrieval:
    opened = open_folders([shards], "--evaluate-shards")
    own = folder.sub(EVALUATION_DIR)
    if world.first:
        prepare_indexes(opened, own, max(1, config.cpus_per_worker))
    world.barrier()
    data = open_data(opened, read_indexes(opened, own), seed=0, pool=1)
    return Retrieval(data, BlockBytes(config.cache_dir, DEADLINE_S), config.evaluate_samples)
