"""The two heads on each patch's token: its box, and its embedding that texts are compared with (OWL-ViT, section 3.1).

Shapes: N images, L patches, Q queries, C channels, E embedding.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from trainer.detect.model.grid_bias import grid_bias

_FIRST_SCALE = 10.0
"""By which the first logits are wider than cosines."""
_FIRST_PROBABILITY = 0.01
"""That a patch shows a query whose cosine is 0, before anything is learnt: nearly no patch shows one (focal loss, arXiv
1708.02002, section 4.1)."""


class BoxHead(nn.Module):
    """A patch's token to its box: three linear maps, from the patch's own place in the grid."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.dense0 = nn.Linear(width, width)
        self.dense1 = nn.Linear(width, width)
        self.dense2 = nn.Linear(width, 4)
        nn.init.zeros_(self.dense2.weight)  # so that each box begins as its patch
        nn.init.zeros_(self.dense2.bias)
        self.bias_L4: torch.Tensor
        self.register_buffer("bias_L4", grid_bias(side), persistent=False)

    def forward(self, tokens_NLC: torch.Tensor) -> torch.Tensor:
        """Return ``[N, L, 4]``, float32: boxes by centre, in parts of the image's side, 0 .. 1."""
        x_NLC = F.gelu(self.dense1(F.gelu(self.dense0(tokens_NLC))))
        return torch.sigmoid(self.dense2(x_NLC).float() + self.bias_L4)


class ClassHead(nn.Module):
    """A patch's token to its class embedding, and to the shift and the scale of its logits."""

    def __init__(self, width: int, embed_dim: int) -> None:
        super().__init__()
        self.dense0 = nn.Linear(width, embed_dim)
        self.logit_shift = nn.Linear(width, 1)
        self.logit_scale = nn.Linear(width, 1)
        for layer, bias in (
            (self.logit_shift, math.log(_FIRST_PROBABILITY / (1 - _FIRST_PROBABILITY)) / _FIRST_SCALE),
            (self.logit_scale, _FIRST_SCALE - 1),
        ):
            nn.init.zeros_(layer.weight)
            nn.init.constant_(layer.bias, bias)

    def forward(self, tokens_NLC: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return (class embeddings of length one ``[N, L, E]``, shift ``[N, L, 1]``, scale ``[N, L, 1]``), float32."""
        embeddings_NLE = F.normalize(self.dense0(tokens_NLC).float(), dim=-1)
        return embeddings_NLE, self.logit_shift(tokens_NLC).float(), F.elu(self.logit_scale(tokens_NLC).float()) + 1
