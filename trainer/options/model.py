"""Which model, what it begins with, and its tokenizer."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import OptionGroup, check_at_least
from trainer.presets import MIN_VOCAB_SIZE, ModelConfig, find_preset


@dataclass(frozen=True, kw_only=True)
class ModelOptions(OptionGroup):
    """Which model, what it begins with, and its tokenizer."""

    model: Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE.json")] = None
    """The paper's (rn50, rn101, rn50x4, rn50x16, rn50x64, vit-b-32, vit-b-16, vit-l-14, vit-l-14-336), or rn-tiny,
    vit-tiny (64 pixels, for CPUs), or a JSON file with another geometry (ours, open_clip's, transformers'). By default
    that of --init-from, else vit-b-32."""
    image_px: int | None = None
    """Side of the images; the model's by default. Position embeddings of given weights are interpolated."""
    init_from: Annotated[str | None, tyro.conf.arg(metavar="PATH")] = None
    """Weights to begin with: a training of ours, a CLIP of transformers (config.json) or open_clip
    (open_clip_config.json), or a file of tensors (safetensors; .pt, .bin without code). Their tokenizer comes along."""
    init_image_from: Annotated[str | None, tyro.conf.arg(metavar="PATH")] = None
    """An image encoder alone: a ViT of timm or transformers, or that of a CLIP; the rest begins anew (LiT)."""
    tokenizer: Annotated[str | None, tyro.conf.arg(metavar="openai|train|PATH")] = None
    """OpenAI's vocabulary, one trained on the captions, or a folder (vocab.json and merges.txt, tokenizer.json) or file
    (bpe_simple_vocab_16e6.txt.gz). By default that of --init-from; else train, which knows the captions' language and
    needs no file of others."""
    vocab_size: int | None = None
    """Most tokens of a trained tokenizer, [SOS] and [EOS] included; the model's by default."""
    lock_image: bool = False
    """Keep the image encoder as it is, BatchNorm's statistics too (LiT, arXiv 2111.07991); a projection that came
    without weights is trained."""
    lock_image_unlocked: int = 0
    """So many of its last groups are trained after all: the projection, the last block, the one before (open_clip)."""
    lock_text: bool = False
    """Keep the text encoder as it is."""
    lock_text_unlocked: int = 0
    """So many of its last groups are trained after all: the projection, the last block, the one before."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of matrix products; auto is bfloat16 on a GPU and float32 on a CPU. float16 scales the loss (the paper's mixed
    precision), for GPUs without bfloat16."""

    def _check(self) -> None:
        if self.model is not None and not self.model.endswith(".json"):
            find_preset(self.model)
        check_at_least(
            self, {"vocab_size": MIN_VOCAB_SIZE, "image_px": 1, "lock_image_unlocked": 0, "lock_text_unlocked": 0}
        )
        if self.init_from is not None and self.init_image_from is not None:
            raise ValueError("give init_from or init_image_from, not both")
        if self.tokenizer == "train" and self.init_from is not None:
            raise ValueError("tokenizer train does not go with init_from: its text encoder knows its own tokens alone")
        if self.vocab_size is not None and (self.init_from is not None or self.tokenizer not in (None, "train")):
            raise ValueError("vocab_size is of a tokenizer that is trained, found one that is given; leave it out")
        if self.lock_image and self.init_from is None and self.init_image_from is None:
            raise ValueError("lock_image takes init_from or init_image_from: without, first weights would be kept")
        if self.lock_text and self.init_from is None:
            raise ValueError("lock_text takes init_from: without, first weights would be kept")
        if self.lock_image and self.lock_text and not (self.lock_image_unlocked or self.lock_text_unlocked):
            raise ValueError("lock_image with lock_text leaves nothing to train; give lock_image_unlocked or the like")
        for part in ("image", "text"):
            unlocked = getattr(self, f"lock_{part}_unlocked")
            if unlocked and not getattr(self, f"lock_{part}"):
                raise ValueError(f"lock_{part}_unlocked takes lock_{part}, found {unlocked!r} without it")

    def check_locks(self, model: ModelConfig) -> None:
        """Raise ValueError where more groups of an encoder are to be trained than `model` has."""
        for name, encoder in (("lock_image_unlocked", model.image), ("lock_text_unlocked", model.text)):
            if getattr(self, name) > encoder.num_groups:
                raise ValueError(
                    f"{name} must be at most the encoder's {encoder.num_groups} groups, found {getattr(self, name)!r}"
                )
