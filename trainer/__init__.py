"""Trains CLIP on WebDataset shards, evaluates it, and uses it: `trainer.load`."""

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from trainer.use.load import Loaded

__all__ = ["load"]


def load(
    path: "str | PathLike[str]",
    *,
    device: "str | torch.device" = "auto",
    precision: str = "auto",
    averaged: bool = False,
    model: str | None = None,
) -> "Loaded":
    """Return (model, preprocess, tokenizer) of a run of ours, or of weights of OpenAI, open_clip, transformers.

        model, preprocess, tokenizer = trainer.load("runs/b32")
        image, text = preprocess("cat.jpg").unsqueeze(0), tokenizer(["a dog", "a cat"])
        probabilities = (100 * model.encode_image(image) @ model.encode_text(text).T).softmax(dim=-1)

    `path`, or URL: what ``trainer train --init-from`` takes. `device`: auto (a GPU where there is one), cpu, cuda:1.
    `precision` of products: auto (bfloat16 on a GPU), float32, bfloat16, float16; features are float32. `averaged`:
    the averages of a run with ``--ema-decay``. `model`: a preset or a FILE.json, for files of tensors that tell no
    geometry. Raises OSError or ValueError, one line that names the file and what was expected.
    """
    from trainer.use.load import load as load_here  # torch comes with it

    return load_here(path, device=device, precision=precision, averaged=averaged, model=model)
