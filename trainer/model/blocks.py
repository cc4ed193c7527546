"""The repeated blocks of both encoders by name, in the order in which they run."""

from torch import nn

from trainer.model.clip import CLIP
from trainer.model.resnet import Bottleneck
from trainer.model.transformer import Block


def blocks_of(model: CLIP) -> dict[str, nn.Module]:
    """Return the residual blocks by their names in the model."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Block | Bottleneck)}
