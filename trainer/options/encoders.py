"""How the encoders compute: what is dropped, kept, compiled."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class EncoderOptions(OptionGroup):
    """How the encoders compute: what is dropped, kept, compiled."""

    patch_dropout: float = 0.0
    """Share of each image's patches that a vision transformer does not see in training (FLIP, arXiv 2212.00794: 0.5 at
    first, and a short end of training without); drawn anew each time, none in evaluation."""
    activation_checkpointing: NotIdentity[Literal["none", "blocks", "auto"]] = "none"
    """blocks: all residual blocks keep their input alone, and are computed again in the backward pass, which costs a
    third of the time; auto: as few of them as fit. Exact, in ResNets too."""
    activation_gb: NotIdentity[float | None] = None
    """For auto: memory of a worker for what a batch keeps for the backward pass; on a GPU by default what is free, less
    gradients and statistics of the optimizer."""
    compile: NotIdentity[bool] = False
    """Compile the blocks with torch.compile: faster on GPUs after a minute or two; needs a C++ compiler."""

    def _check(self) -> None:
        if not 0 <= self.patch_dropout < 1:
            raise ValueError(f"patch_dropout must be at least 0 and below 1, found {self.patch_dropout!r}")
        if self.activation_gb is not None:
            if self.activation_checkpointing != "auto":
                raise ValueError(
                    f"activation_gb takes activation_checkpointing auto, found {self.activation_checkpointing!r}"
                )
            if not 0 < self.activation_gb < float("inf"):
                raise ValueError(f"activation_gb must be above 0 and finite, found {self.activation_gb!r}")
