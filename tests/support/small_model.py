"""A tiny CLIP on disk and pictures in a folder a class: what commands that use a model are tried on."""

from pathlib import Path

import torch

from schemas.storage import Folder
from tests.support.small_shards import COLOURS, picture
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig, ViTConfig
from trainer.saving.checkpoint import write_model
from trainer.tokenizer import train_tokenizer

CLASSES = [f"{name} one" for name in COLOURS]

TOKENIZER = train_tokenizer(["a red picture", "a green picture"], vocab_size=560, context_length=12)
CONFIG = ModelConfig(
    embed_dim=16,
    image=ViTConfig(image_px=32, patch_px=8, width=32, layers=1, heads=4),
    text=TextConfig(width=32, layers=1, heads=4, context_length=12, vocab_size=TOKENIZER.vocab_size),
)


def write_small_model(root: Path, name: str = "model", seed: int = 0) -> str:
    """Write the model with random weights of `seed` below `root`; return its path."""
    torch.manual_seed(seed)
    write_model(Folder(str(root)), name, CLIP(CONFIG), TOKENIZER)
    return str(root / name)


def write_pictures(root: Path, numbers: range) -> str:
    """Write pictures into a folder for each colour; return their root."""
    for number in numbers:
        folder = root / CLASSES[number % len(CLASSES)].replace(" ", "_")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(picture(number))
    return str(root)


def write_names(root: Path) -> tuple[str, str]:
    """Write class names and two templates; return both paths."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    (root / "templates.txt").write_text("a {}\nthe {} picture\n")
    return str(root / "classes.txt"), str(root / "templates.txt")
