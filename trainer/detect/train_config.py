"""The options of ``trainer detect train``. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class DetectTrainConfig(OptionGroup):
    """Make a detector for any text of a CLIP with a vision transformer (OWL-ViT, arXiv 2205.06230)."""

    checkpoint: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]]
    """The CLIP: output of a training, one of its checkpoints, or weights of others, as `trainer train --init-from`
    takes them."""
    model: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE.json")]] = None
    """For a file of tensors alone: a preset or a file that tells their geometry."""
    annotations: NotIdentity[Annotated[str, tyro.conf.arg(metavar="FILE")]]
    """Boxes and categories as COCO's JSON; LVIS's lists of absent and of not exhaustive categories are read, too."""
    images: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """The folder that the file names of the annotations are relative to."""
    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Where the detector goes, in final/, with metrics.csv and checkpoints/."""
    templates: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE")]] = None
    """Prompts: a file, one per line, with {} for the name, or a set, as of `trainer evaluate zero-shot`;
    one is drawn for each category and step. By default seven."""
    image_px: int | None = None
    """Side of the square that images are shown in, a multiple of the patches; the CLIP's own by default. Position
    embeddings are interpolated. OWL-ViT: 768, 840 for L/14."""
    epochs: float = 30.0
    """How often each image is seen. OWL-ViT saw 140,000 batches of 256."""
    batch_size: int = 64
    """Images a step. OWL-ViT: 256."""
    learning_rate: float = 5e-5
    """Peak rate of the heads, and of the image encoder (OWL-ViT's released configurations); down by a cosine."""
    image_learning_rate: float | None = None
    """Peak rate of the image encoder; learning_rate by default."""
    text_learning_rate: float = 2e-6
    """Peak rate of the text encoder: small, so that it keeps what it knows of words without boxes (OWL-ViT, A1.3)."""
    warmup_steps: int = 1000
    """Steps up to the peak rate (OWL-ViT's released configurations), at most a tenth of the run."""
    weight_decay: float = 0.0
    """AdamW's."""
    clip_gradient_norm: float = 1.0
    """Most that the norm of the gradient may be; OWL-ViT clipped each image's."""
    num_negatives: int = 50
    """Categories that are asked of each image and are not in it: those known to be absent, then others at random
    (OWL-ViT, section 3.2)."""
    least_part: float = 0.6
    """Of an image's area that a crop shows (OWL-ViT's released configurations); 1: no crops."""
    mirror: bool = True
    """Show half of the images mirrored. Not for categories that tell left from right."""
    seed: int = 0
    """Of heads, order, crops, negatives and prompts."""
    device: NotIdentity[str] = "auto"
    """auto takes a GPU where there is one; cpu, cuda, cuda:1."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products; auto is bfloat16 on a GPU. Boxes, logits and losses are float32."""
    threads: NotIdentity[int] = 2
    """Threads that decode, and on a CPU compute."""
    log_every_steps: NotIdentity[int] = 50
    """A line, and a row of metrics.csv."""
    checkpoint_every_steps: NotIdentity[int] = 1000
    """The same command goes on after the latest one."""

    def _check(self) -> None:
        check_at_least(
            self,
            {"image_px": 1, "batch_size": 1, "num_negatives": 1, "threads": 1, "log_every_steps": 1, "warmup_steps": 0,
             "checkpoint_every_steps": 1, "seed": 0},
        )  # fmt: skip
        for name in ("epochs", "learning_rate", "image_learning_rate", "text_learning_rate", "clip_gradient_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite, found {value!r}")
        if not 0 <= self.weight_decay < float("inf"):
            raise ValueError(f"weight_decay must be at least 0 and finite, found {self.weight_decay!r}")
        if not 0 < self.least_part <= 1:
            raise ValueError(f"least_part must be above 0 and at most 1, found {self.least_part!r}")
