"""Small models of each geometry that exports tell apart, read as `trainer export` reads them."""

from dataclasses import replace
from pathlib import Path

import torch

from schemas.storage import Folder
from tests.support.small_model import CONFIG, TOKENIZER
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, ResNetConfig, ViTConfig
from trainer.saving.checkpoint import write_model
from trainer.weights.read_model import ReadModel, read_model

assert isinstance(CONFIG.image, ViTConfig)
VIT = CONFIG
ODD = replace(
    CONFIG,
    image=replace(CONFIG.image, mlp_width=83, activation="gelu", layer_norm_eps=1e-6),
    text=replace(CONFIG.text, mlp_width=50, activation="gelu", vocab_size=TOKENIZER.vocab_size + 7),
)
RESNET = replace(CONFIG, image=ResNetConfig(image_px=64, width=8, blocks=(1, 2, 1, 1)))
SIGMOID = replace(CONFIG, loss="sigmoid")
MIXED = replace(CONFIG, image=replace(CONFIG.image, activation="gelu"))
NO_PRE_NORM = replace(CONFIG, image=replace(CONFIG.image, pre_norm=False))

GEOMETRIES: dict[str, ModelConfig] = {
    "vit": VIT, "odd": ODD, "resnet": RESNET, "sigmoid": SIGMOID, "mixed": MIXED, "no norm before": NO_PRE_NORM,
}  # fmt: skip


def write_drawn(root: Path, config: ModelConfig, name: str = "model") -> str:
    """Write a model whose gains, biases and statistics are no ones and zeros, which hide faults; return its path."""
    torch.manual_seed(3)
    model = CLIP(config)
    with torch.no_grad():
        for name_, tensor in model.state_dict().items():
            if tensor.ndim == 1 and tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand_like(tensor))
            if name_.endswith("num_batches_tracked"):
                tensor.fill_(7)
    write_model(Folder(str(root)), name, model, TOKENIZER)
    return str(root / name)


def read_drawn(root: Path, config: ModelConfig) -> ReadModel:
    """Return the model of `write_drawn`, read."""
    return read_model(write_drawn(root, config), "CHECKPOINT")
