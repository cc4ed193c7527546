"""Which model, and its tokenizer."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup, check_at_least
from trainer.presets import MIN_VOCAB_SIZE, find_preset


@dataclass(frozen=True, kw_only=True)
class ModelOptions(OptionGroup):
    """Which model, and its tokenizer."""

    model: str = "vit-b-32"
    """Name of the preset: the paper's (rn50, rn101, rn50x4, rn50x16, rn50x64, vit-b-32, vit-b-16, vit-l-14,
    vit-l-14-336) or rn-tiny, vit-tiny (64 pixels, for CPUs)."""
    vocab_size: int | None = None
    """Most tokens of the tokenizer, [SOS] and [EOS] included; the preset's by default."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of matrix products; auto is bfloat16 on a GPU and float32 on a CPU. float16 scales the loss (the paper's mixed
    precision), for GPUs without bfloat16."""

    def _check(self) -> None:
        find_preset(self.model)
        check_at_least(self, {"vocab_size": MIN_VOCAB_SIZE})
