"""The options of a training run: ``trainer train`` and ``trainer/run.py``. Imports nothing that is slow."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from schemas.run_options import NotIdentity
from trainer.presets import MIN_VOCAB_SIZE, ModelConfig, Recipe, find_preset

OF_RECIPE = ("epochs", "global_batch_size", "learning_rate", "weight_decay", "warmup_steps")
"""Options in place of the preset's values: the identity holds what comes out."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Train CLIP on WebDataset shards."""

    shards: NotIdentity[Annotated[tuple[str, ...], tyro.conf.arg(metavar="DIR [DIR ...]")]]
    """Folders of shards: made by `pipeline download`, or any WebDataset tars with images and captions."""
    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Where checkpoints, metrics and the trained model go; absolute inside a Ray job, and shared by all nodes."""
    model: str = "vit-b-32"
    """Name of the preset: the paper's (rn50, rn101, rn50x4, rn50x16, rn50x64, vit-b-32, vit-b-16, vit-l-14,
    vit-l-14-336) or rn-tiny, vit-tiny (64 pixels, for CPUs)."""
    num_workers: NotIdentity[int] = 1
    """Number of Ray workers; may change between a run and its resumption."""
    epochs: float | None = None
    """Passes over the samples; the preset's by default (CLIP paper: 32)."""
    global_batch_size: int | None = None
    """Samples per step over all workers; the preset's by default (CLIP paper: 32,768)."""
    learning_rate: float | None = None
    """Peak learning rate; the preset's by default (CLIP paper, Table 19)."""
    weight_decay: float | None = None
    """Decoupled decay of weights; the preset's by default (CLIP paper: 0.2)."""
    warmup_steps: int | None = None
    """Steps of linear warm-up; the preset's by default (CLIP paper: 2,000), at most a tenth of the run."""
    vocab_size: int | None = None
    """Most tokens of the tokenizer, [SOS] and [EOS] included; the preset's by default."""
    seed: int = 0
    """Decides first weights, order of samples, choice of captions, crops."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products; auto is bfloat16 on a GPU and float32 on a CPU."""
    device: NotIdentity[Literal["auto", "cpu", "cuda"]] = "auto"
    """auto takes GPUs when the machine that starts the run has one."""
    cpus_per_worker: NotIdentity[int] = 1
    """Ray CPUs, and compute threads, of each worker."""
    decode_threads: NotIdentity[int] = 2
    """Threads of each worker that read and decode images ahead."""
    cache_bytes: NotIdentity[int] = 2**30
    """Memory of each worker for images already decoded and resized; 0 decodes them in every epoch."""
    checkpoint_every_steps: NotIdentity[int] = 1_000
    """Steps between checkpoints; one is always written at the end."""
    keep_checkpoints: NotIdentity[int] = 2
    """So many of the latest checkpoints are kept."""
    log_every_steps: NotIdentity[int] = 20
    """Steps between rows of metrics.csv."""
    max_failures: NotIdentity[int] = 2
    """How often Ray restarts the workers from the last checkpoint before the run fails."""
    stop_after_steps: NotIdentity[int | None] = None
    """Save and stop, unfinished, after so many steps of this invocation; the same command then goes on."""

    def __post_init__(self) -> None:
        find_preset(self.model)
        if not self.shards:
            raise ValueError("shards must name at least one folder")
        at_least = {
            "num_workers": 1, "global_batch_size": 2, "warmup_steps": 0, "vocab_size": MIN_VOCAB_SIZE,
            "cpus_per_worker": 1, "decode_threads": 1, "cache_bytes": 0, "checkpoint_every_steps": 1,
            "keep_checkpoints": 1, "log_every_steps": 1, "max_failures": 0, "stop_after_steps": 1, "seed": 0,
        }  # fmt: skip
        for name, least in at_least.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, found {value!r}")
        for name in ("epochs", "learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite, found {value!r}")
        if self.weight_decay is not None and not 0 <= self.weight_decay < float("inf"):
            raise ValueError(f"weight_decay must be at least 0, found {self.weight_decay!r}")
        if self.global_batch_size is not None and self.global_batch_size < 2 * self.num_workers:
            raise ValueError(
                f"global_batch_size must be at least 2 per worker, found {self.global_batch_size!r} "
                f"for {self.num_workers} workers"
            )

    @property
    def recipe(self) -> Recipe:
        """The preset's recipe with what the options change."""
        changes: dict[str, Any] = {name: getattr(self, name) for name in OF_RECIPE if getattr(self, name) is not None}
        return dataclasses.replace(find_preset(self.model).recipe, **changes)

    @property
    def model_config(self) -> ModelConfig:
        """The preset's model; its vocabulary is the most the tokenizer may reach."""
        model = find_preset(self.model).model
        if self.vocab_size is None:
            return model
        return dataclasses.replace(model, text=dataclasses.replace(model.text, vocab_size=self.vocab_size))
