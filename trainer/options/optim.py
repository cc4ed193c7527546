"""How the weights are updated: rates, precision of what the optimizer keeps, clipping, averages."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup, check_at_least


@dataclass(frozen=True, kw_only=True)
class OptimOptions(OptionGroup):
    """How the weights are updated: rates, precision of what the optimizer keeps, clipping, averages."""

    schedule: Literal["cosine", "constant", "constant-cooldown"] = "cosine"
    """Of the learning rate after its warm-up: cosine (CLIP paper 2.5); constant; constant, then down in a line over the
    run's last samples (Zhai et al., arXiv 2106.04560; open_clip's const-cooldown)."""
    cooldown_samples: int | None = None
    """Samples of constant-cooldown's last part; by default a fifth of the run."""
    cooldown_epochs: float | None = None
    """The same in epochs, in place of samples."""
    final_learning_rate: float = 0.0
    """The rate that cosine and constant-cooldown end at."""
    image_learning_rate: float | None = None
    """Peak rate of the image encoder; --learning-rate by default. The schedule scales all rates alike."""
    text_learning_rate: float | None = None
    """Peak rate of the text encoder; --learning-rate by default."""
    layer_decay: float = 1.0
    """Each layer's rate is that of the layer above it times this (BEiT, arXiv 2106.08254: 0.65 to 0.85 for
    fine-tuning). Layers are the blocks of a transformer or the stages of a ResNet; below them embeddings or stem, above
    them what gives the feature."""
    clip_gradient_norm: float | None = None
    """Most that the norm of the gradient over all weights may be; larger ones are scaled down to it. The paper did not
    clip; open_clip's large models took 1.0."""
    adam_statistics: Literal["float32", "bfloat16"] = "float32"
    """What Adam's statistics are kept in. bfloat16 takes half of their memory: the first moment is rounded to nearest,
    the second stochastically (CLIP paper 2.5: half-precision Adam statistics)."""
    text_weights: Literal["float32", "bfloat16"] = "float32"
    """What the text encoder's linear maps are kept in, rounded stochastically when they are updated (CLIP paper 2.5).
    LayerNorms and embeddings stay float32, as in CLIP's convert_weights. bfloat16 takes precision bfloat16."""
    ema_decay: float | None = None
    """Keep an exponential moving average of the weights, which loses 1 minus this of the past with each step (0.9998,
    say); ema.safetensors in checkpoints, the model in final-ema/. Polyak, Juditsky 1992; timm's ModelEmaV3."""

    def _check(self) -> None:
        check_at_least(self, {"cooldown_samples": 1})
        for name in ("cooldown_epochs", "image_learning_rate", "text_learning_rate", "clip_gradient_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite, found {value!r}")
        for name in ("cooldown_samples", "cooldown_epochs"):
            if getattr(self, name) is not None and self.schedule != "constant-cooldown":
                raise ValueError(f"{name} takes schedule constant-cooldown, found {self.schedule!r}")
        if self.cooldown_samples is not None and self.cooldown_epochs is not None:
            raise ValueError("give cooldown_samples or cooldown_epochs, not both")
        if not 0 <= self.final_learning_rate < float("inf"):
            raise ValueError(f"final_learning_rate must be at least 0 and finite, found {self.final_learning_rate!r}")
        if self.final_learning_rate and self.schedule == "constant":
            raise ValueError("final_learning_rate takes schedule cosine or constant-cooldown, found 'constant'")
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay must be above 0 and at most 1, found {self.layer_decay!r}")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(f"ema_decay must be between 0 and 1, found {self.ema_decay!r}")
