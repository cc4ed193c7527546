"""The options of a training run: ``trainer train`` and ``trainer/run.py``. Imports nothing that is slow."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from trainer.options.data import DataOptions
from trainer.options.decoding import DecodingOptions
from trainer.options.encoders import EncoderOptions
from trainer.options.evaluating import EvaluatingOptions
from trainer.options.loss import LossOptions
from trainer.options.machine import MachineOptions
from trainer.options.model import ModelOptions
from trainer.options.optim import OptimOptions
from trainer.options.parallel import ParallelOptions
from trainer.options.reading import ReadingOptions
from trainer.options.recipe import RecipeOptions
from trainer.options.saving import SavingOptions
from trainer.options.telling import TellingOptions
from trainer.presets import TUNINGS, ModelConfig, Recipe, ResNetConfig, ViTConfig
from trainer.telling.early_loss import NAMES as EARLY_LOSSES
from trainer.weights.geometry import DEFAULT_MODEL, check_sizes, find_geometry, recipe_of
from trainer.workers.counts import most_workers

OF_RECIPE = ("epochs", "global_batch_size", "learning_rate", "weight_decay", "warmup_steps")
"""Options in place of the preset's values: the identity holds what comes out."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(
    EvaluatingOptions,
    TellingOptions,
    ReadingOptions,
    SavingOptions,
    ParallelOptions,
    MachineOptions,
    OptimOptions,
    LossOptions,
    EncoderOptions,
    RecipeOptions,
    ModelOptions,
    DecodingOptions,
    DataOptions,
):
    """Train CLIP on WebDataset shards."""

    def _check(self) -> None:
        if self.decode == "gpu" and self.device == "cpu":
            raise ValueError(
                "decode gpu takes a GPU: device cuda, or auto on a machine with one, found 'cpu'; else use decode cpu"
            )
        if self.global_batch_size is not None:
            self._check_batch_size(self.global_batch_size, most_workers(self.num_workers))
        if self.tuning is not None and self.init_from is None:
            raise ValueError(f"tuning {self.tuning} takes init_from, found none: it is for weights that are trained on")
        if self.keep_best is not None and self.evaluate_every_steps is None:
            raise ValueError("keep_best takes evaluate_every_steps and what is measured, found none")
        if self.keep_best is not None and self.keep_best not in self.measures:
            raise ValueError(f"keep_best must be one of {', '.join(self.measures)}, found {self.keep_best!r}")
        if self.expect_loss is not None and self.expect_loss in EARLY_LOSSES:
            self._check_expected_loss(self.expect_loss)
        self._check_precision()
        self._check_rates()
        if (self.init_from, self.init_image_from) == (None, None) and not (self.model or "").endswith(".json"):
            self.check_geometry()

    def _check_batch_size(self, batch_size: int, workers: int) -> None:
        if batch_size < 2 * workers:
            raise ValueError(
                f"global_batch_size must be at least 2 per worker, found {batch_size!r} for {workers} workers"
            )

    def _check_expected_loss(self, name: str) -> None:
        """Raise ValueError for a derived range that is of another kind of run."""
        if self.loss != "contrastive":
            raise ValueError(f"expect_loss {name} is of loss contrastive, found {self.loss!r}; give a FILE.json")
        takes = {"from-scratch": None, "fine-tuning": "init_from", "locked-image": "init_image_from"}[name]
        given = next((option for option in ("init_from", "init_image_from") if getattr(self, option) is not None), None)
        if given != takes:
            raise ValueError(f"expect_loss {name} takes {takes or 'no given weights'}, found {given or 'none'}")

    def _check_precision(self) -> None:
        """Raise ValueError for half-precision weights beside other products; ``auto`` is known when the device is."""
        if self.text_weights != "bfloat16" or self.precision == "bfloat16":
            return
        if self.precision != "auto" or self.device == "cpu":
            found = repr(self.precision) + (", which is float32 on a CPU" if self.precision == "auto" else "")
            raise ValueError(f"text_weights bfloat16 takes precision bfloat16, found {found}")

    def _check_rates(self) -> None:
        """Raise ValueError for a rate of an encoder that is kept whole, and for a cool-down beyond the samples."""
        for part in ("image", "text"):
            rate = getattr(self, f"{part}_learning_rate")
            locked = getattr(self, f"lock_{part}") and not getattr(self, f"lock_{part}_unlocked")
            if rate is not None and locked and self.init_from is not None:
                raise ValueError(
                    f"{part}_learning_rate is of an encoder that lock_{part} keeps, found {rate!r}; leave it out, or "
                    f"give lock_{part}_unlocked"
                )
        most, cooldown = self.samples, self.cooldown_samples
        if most is not None and cooldown is not None and cooldown > most:
            raise ValueError(f"cooldown_samples must be at most samples {most}, found {cooldown}")

    def check_geometry(self) -> None:
        """Raise ValueError for options that do not fit the model's geometry; reads the files in which it may stand."""
        model = self.model_config
        check_sizes(model, self.model_title)
        self.check_locks(model)
        if self.patch_dropout and not isinstance(model.image, ViTConfig):
            raise ValueError(f"patch_dropout takes a vision transformer, found model {self.model_title!r}")
        self._check_recipe()
        self._check_batch_norm_rows()
        self.check_shares(most_workers(self.num_workers))

    def check_shares(self, workers: int) -> None:
        """Raise ValueError for a global batch of which one of so many workers would have too few rows, or none.

        Under torchrun the number is not the options', but the world's.
        """
        recipe = self.recipe
        rows, batch_size = recipe.batch_norm_rows, recipe.global_batch_size
        self._check_batch_size(batch_size, workers)
        if rows is not None and batch_size // rows < workers:
            fitting = _largest_divisor(batch_size, batch_size // workers)
            raise ValueError(
                f"each of {workers} workers takes at least one micro_batch of a ResNet, the rows that "
                f"BatchNorm sees: expected at most {fitting}, found {rows}; give --micro-batch {fitting}, or fewer "
                "workers"
            )

    def _check_recipe(self) -> None:
        """Raise ValueError for options that go beyond what the recipe has where they do not say it themselves."""
        recipe = self.recipe
        if self.final_learning_rate > recipe.learning_rate:
            raise ValueError(
                f"final_learning_rate must be at most learning_rate {recipe.learning_rate:g}, found "
                f"{self.final_learning_rate:g}"
            )
        if self.samples is None and self.cooldown_epochs is not None and self.cooldown_epochs > recipe.epochs:
            raise ValueError(
                f"cooldown_epochs must be at most the run's {recipe.epochs:g} epochs, found {self.cooldown_epochs:g}"
            )

    def _check_batch_norm_rows(self) -> None:
        recipe = self.recipe
        rows, batch_size = recipe.batch_norm_rows, recipe.global_batch_size
        if rows is None:
            return
        if batch_size % rows:
            raise ValueError(
                f"micro_batch of a ResNet, the rows that BatchNorm sees, must divide the global batch of "
                f"{batch_size:,}, found {rows}; give --micro-batch {_largest_divisor(batch_size, rows)}"
            )

    @property
    def recipe(self) -> Recipe:
        """The model's recipe with what the options change."""
        changes: dict[str, Any] = {name: getattr(self, name) for name in OF_RECIPE if getattr(self, name) is not None}
        preset = recipe_of(self.model, self.model_config)
        if self.tuning is not None:
            preset = dataclasses.replace(preset, **vars(TUNINGS[self.tuning]))
        recipe = dataclasses.replace(preset, **changes)
        if not isinstance(self.model_config.image, ResNetConfig):
            return recipe
        if self.micro_batch != "auto":
            return dataclasses.replace(recipe, batch_norm_rows=self.micro_batch)
        return recipe

    @property
    def model_title(self) -> str:
        """What progress calls the model."""
        return self.model or (DEFAULT_MODEL if self.init_from is None else f"the model of {self.init_from}")

    @property
    def model_config(self) -> ModelConfig:
        """The model's geometry, for the loss; its vocabulary is the most a trained tokenizer may reach.

        Raises FileNotFoundError or ValueError where it stands in a file that cannot be taken.
        """
        found = find_geometry(self.model, self.init_from, self.init_image_from, self.image_px)
        model = dataclasses.replace(found, loss=self.loss)
        if self.vocab_size is None:
            return model
        return dataclasses.replace(model, text=dataclasses.replace(model.text, vocab_size=self.vocab_size))


def _largest_divisor(whole: int, most: int) -> int:
    """Return the largest number up to `most`, at least 1, that divides `whole`."""
    return max(size for size in range(1, most + 1) if whole % size == 0)
