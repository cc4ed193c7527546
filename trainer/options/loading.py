"""Which model a command uses, and on what. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import OptionGroup


@dataclass(frozen=True, kw_only=True)
class LoadingOptions(OptionGroup):
    """Which model a command uses, and on what."""

    checkpoint: Annotated[str, tyro.conf.arg(metavar="PATH")]
    """A model: the output of a training, one of its checkpoints, or weights of others, by path or URL: a folder of
    transformers or open_clip, a file of tensors, as `trainer train --init-from` takes them."""
    weights: Literal["trained", "ema"] = "trained"
    """ema: the averages of a training with --ema-decay, of its end or of a checkpoint."""
    model: Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE.json")] = None
    """For a file of tensors alone: a preset or a file that tells their geometry. OpenAI's need none."""
    device: str = "auto"
    """auto takes a GPU where there is one; cpu, cuda, cuda:1."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of matrix products; auto is bfloat16 on a GPU, float32 elsewhere. Features are float32."""
