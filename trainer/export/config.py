"""The options of ``trainer export``. Imports nothing that is slow."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import OptionGroup

Format = Literal["transformers", "open_clip", "onnx", "safetensors"]

_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True, kw_only=True)
class ExportConfig(OptionGroup):
    """Write a model as transformers, open_clip or onnxruntime open it, with its tokenizer and a model card.

    What was written is opened by the program that it is for, where that is installed, and compared.
    """

    checkpoint: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
    """A model: the output of a training, one of its checkpoints, or weights of others, by path or URL."""
    format: Format
    """transformers: a CLIPModel (no ResNets). open_clip: what its local-dir: opens. onnx: two encoders with a batch of
    any size (pip install 'webimagetext[export]'). safetensors: plain weights, for trainer.load."""
    output: Annotated[str, tyro.conf.arg(metavar="DIR")]
    """A folder of this machine, absent or empty. It appears when all of it is written and compared."""
    weights: Literal["trained", "ema"] = "trained"
    """ema: the averages of a training with --ema-decay."""
    model: Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE.json")] = None
    """For a file of tensors alone: a preset or a file that tells their geometry. OpenAI's need none."""
    evaluation: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FILE [FILE ...]")] = ()
    """For the card: results.json of `trainer evaluate`, or the folders they are in. Those of `labels` bring their
    warning along. What a training measured itself is found beside it."""
    license: str = "unknown"
    """For the card: the license's name on Hugging Face's Hub, for example apache-2.0, cc-by-4.0, other."""

    def _check(self) -> None:
        if not _LICENSE.fullmatch(self.license):
            raise ValueError(f"license must be a name as apache-2.0 or cc-by-4.0, found {self.license!r}")
