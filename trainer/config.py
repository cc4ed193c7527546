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
    """Folders of shards: made by `pipeline download`, or any WebDataset tars with images and captions. Without weights
    they are one set."""
    weights: Annotated[tuple[float, ...], tyro.conf.arg(metavar="[W ...]")] = ()
    """Upsampling factors, one for each folder: a sample of a folder with 2 is seen twice as often as of one with 1."""
    captions: Annotated[tuple[str, ...], tyro.conf.arg(metavar="RULE [RULE ...]")] = ("random",)
    """Which caption of its sample a row takes: first, random (of k each once in k epochs), or members of the samples'
    json with their weights (caption=1,synthetic=2); one rule for all folders or one for each."""
    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Where checkpoints, metrics and the trained model go; absolute inside a Ray job, and shared by all nodes."""
    model: str = "vit-b-32"
    """Name of the preset: the paper's (rn50, rn101, rn50x4, rn50x16, rn50x64, vit-b-32, vit-b-16, vit-l-14,
    vit-l-14-336) or rn-tiny, vit-tiny (64 pixels, for CPUs)."""
    num_workers: NotIdentity[int] = 1
    """Number of Ray workers; may change between a run and its resumption."""
    epochs: float | None = None
    """Passes over the samples; the preset's by default (CLIP paper: 32)."""
    samples: int | None = None
    """Samples to see in all, in place of epochs."""
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
    balance: Literal["none", "online"] = "none"
    """online: each epoch has the samples that are drawn for it, by their queries' counts in the shards (MetaCLIP's
    rule); the shards are those of `pipeline download`. epochs then counts the samples that one is expected to have."""
    cap: int | None = None
    """For online balancing: a sample that a query of at most so many captions matches is in every epoch; a query of n
    captions, more than these, keeps cap / n of its samples (MetaCLIP: 20,000)."""
    seed: int = 0
    """Decides first weights, order of samples, choice of captions, crops, draws of samples."""
    shuffle_pool: int = 1 << 20
    """Samples that are mixed with one another; a set that fits is shuffled as a whole. Where shards come over the
    network these, about 28 KB each, are held on the workers' local disks."""
    resize: Literal["short-side", "stored"] = "short-side"
    """short-side: images are resized so that their short side is the model's, then cropped (CLIP paper 2.5); stored:
    crops are cut of the images as they are stored, which costs less where they were stored a little larger."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products; auto is bfloat16 on a GPU and float32 on a CPU."""
    device: NotIdentity[Literal["auto", "cpu", "cuda"]] = "auto"
    """auto takes GPUs when the machine that starts the run has one."""
    cpus_per_worker: NotIdentity[int] = 1
    """Ray CPUs, and compute threads, of each worker."""
    decode_threads: NotIdentity[int] = 2
    """Threads of each worker that decode images ahead, shared out to its loader processes."""
    loader_processes: NotIdentity[int | None] = None
    """Processes of each worker that read and decode; 0: threads of the worker itself. By default 2 with a GPU, where
    the interpreter's lock would hold up the training, and 0 on a CPU."""
    cache_bytes: NotIdentity[int] = 2**30
    """Memory of each worker for images already decoded and resized, used when those of all samples fit; else, and with
    0, they are decoded in every epoch."""
    cache_dir: NotIdentity[str | None] = None
    """Local folder for what is read over the network; by default that of the system for temporary files."""
    read_ahead_bytes: NotIdentity[int] = 256 << 20
    """Bytes that each worker reads before they are needed: covers 200 ms to the first byte at 1 GB/s."""
    verify_checksums: NotIdentity[bool] = False
    """Before the run compare all shards with the SHA-256 that their folders' manifests note: each is read whole once
    more, shared out to the workers."""
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
            "samples": 1, "shuffle_pool": 1, "read_ahead_bytes": 0, "cap": 1, "loader_processes": 0,
        }  # fmt: skip
        for name, least in at_least.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, found {value!r}")
        if self.samples is not None and self.epochs is not None:
            raise ValueError("give epochs or samples, not both")
        if self.balance == "online" and self.cap is None:
            raise ValueError("balance online takes a cap, found none")
        if self.balance != "online" and self.cap is not None:
            raise ValueError(f"cap takes balance online, found {self.balance!r}")
        if self.weights and len(self.weights) != len(self.shards):
            raise ValueError(f"weights must be one for each of {len(self.shards)} folders, found {len(self.weights)}")
        if len(self.captions) not in (1, len(self.shards)):
            raise ValueError(
                f"captions must be one rule or one for each of {len(self.shards)} folders, found {len(self.captions)}"
            )
        for weight in self.weights:
            if not 1e-6 <= weight <= 1e6:
                raise ValueError(f"a weight must be in 0.000001 .. 1,000,000, found {weight!r}")
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
