"""The text encoder's weights in half precision: which of them are, and which stay in float32."""

import torch
from torch import nn

from trainer.model.clip import CLIP


def keep_text_weights(model: CLIP, kept_in: str) -> None:
    """Have the text encoder's linear maps, biases among them, in `kept_in`: float32, or bfloat16.

    LayerNorms, embeddings and all of the image encoder stay as they are, as in `convert_weights` of CLIP's code. Called
    before the optimizer, Ema and DistributedDataParallel are made; the forward then takes bfloat16's autocast. The
    optimizer that `make_optimizer` gives for `--text-weights bfloat16` rounds their updates stochastically.
    """
    if kept_in == "float32":
        return
    encoder = model.text_encoder
    for module in encoder.modules():
        if isinstance(module, nn.Linear):
            for name, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, name, _in_half(parameter))
    encoder.text_projection = _in_half(encoder.text_projection)


def _in_half(parameter: nn.Parameter) -> nn.Parameter:
    """Return it anew: one without content cannot change its type in its place."""
    return nn.Parameter(parameter.detach().to(torch.bfloat16), requires_grad=parameter.requires_grad)
