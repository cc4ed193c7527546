"""A CLIP that knows nothing, for drawn scenes, and a folder of them: what commands for detection are started with."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from schemas.storage import Folder
from tests.support.drawn_scenes import CLASSES, SEEN, write_scenes
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig, ViTConfig
from trainer.saving.checkpoint import write_model
from trainer.tokenizer import train_tokenizer


@dataclass(frozen=True)
class DetectionFolder:
    """What a training of a detector takes."""

    clip: Path
    annotations: Path
    images: Path
    templates: Path

    def train(self, output: Path, **options: object) -> list[str]:
        """Return the command's arguments; options by their names in the config."""
        given = {
            "checkpoint": self.clip, "annotations": self.annotations, "images": self.images, "output": output,
            "templates": self.templates, "threads": 1, **options,
        }  # fmt: skip
        flat = [[f"--{name.replace('_', '-')}", str(value)] for name, value in given.items()]
        return ["detect", "train", *(word for pair in flat for word in pair)]


def make_detection_folder(folder: Path, num_scenes: int = 12) -> DetectionFolder:
    """Write a tiny CLIP of drawn weights for 32 pixels and scenes of seen classes."""
    tokenizer = train_tokenizer([f"a {name}" for name in CLASSES], vocab_size=560, context_length=12)
    torch.manual_seed(0)
    config = ModelConfig(
        embed_dim=16,
        image=ViTConfig(image_px=32, patch_px=8, width=16, layers=1, heads=2),
        text=TextConfig(width=16, layers=1, heads=2, context_length=12, vocab_size=tokenizer.vocab_size),
    )
    write_model(Folder(str(folder / "clip")), "final", CLIP(config), tokenizer)
    annotations, images = write_scenes(folder / "scenes", num_scenes, seed=1, classes=SEEN)
    (folder / "templates.txt").write_text("a {}\nsome {}\n")
    return DetectionFolder(folder / "clip", annotations, images, folder / "templates.txt")


def change_annotations(path: Path, **lists: object) -> None:
    """Put other lists into a COCO file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | lists))
