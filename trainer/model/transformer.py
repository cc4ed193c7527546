"""The residual attention blocks that the vision and the text transformer share.

Shapes: N samples, C channels; x has any shape ``[..., C]`` that the layout knows (`trainer/model/layout.py`).
"""

import torch
import torch.nn.functional as F
from torch import nn

from trainer.model.layout import Layout
from trainer.model.quick_gelu import QuickGELU
from trainer.model.recompute import run_block
from trainer.presets import Activation


class Attention(nn.Module):
    """Multi-head self-attention with one projection for query, key and value."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, found width {width} and heads {heads}")
        self.heads = heads
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        # torch's MultiheadAttention starts so, and the release takes it over for the vision transformer
        nn.init.xavier_uniform_(self.in_proj.weight)
        nn.init.zeros_(self.in_proj.bias)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: torch.Tensor, layout: Layout, *, pooled: bool = False) -> torch.Tensor:
        """Return what attention gives for each position, or with `pooled` ``[N, C]`` for each sample's own."""
        if not pooled:
            query, key, value = self.in_proj(x).chunk(3, dim=-1)
        else:
            width = x.shape[-1]
            query_weight, others_weight = self.in_proj.weight.split((width, 2 * width))
            query_bias, others_bias = self.in_proj.bias.split((width, 2 * width))
            query = F.linear(layout.pool(x), query_weight, query_bias)
            key, value = F.linear(x, others_weight, others_bias).chunk(2, dim=-1)
        return self.out_proj(layout.attend(query, key, value, self.heads, pooled=pooled))


class MLP(nn.Module):
    """Two linear maps, wider between them."""

    def __init__(self, width: int, mlp_width: int, activation: Activation) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, mlp_width)
        self.gelu = QuickGELU() if activation == "quick_gelu" else nn.GELU()
        self.c_proj = nn.Linear(mlp_width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c_proj(self.gelu(self.c_fc(x)))


class Block(nn.Module):
    """Pre-norm residual block: attention, then MLP."""

    def __init__(self, width: int, heads: int, mlp_width: int, activation: Activation, layer_norm_eps: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=layer_norm_eps)
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width, eps=layer_norm_eps)
        self.mlp = MLP(width, mlp_width, activation)

    def forward(self, x: torch.Tensor, layout: Layout, *, pooled: bool = False) -> torch.Tensor:
        """Return the block's output in the shape of x; with `pooled` ``[N, C]``, of each sample's own position alone.

        What the other positions would be is not made then: exact, as nothing after the last block reads them.
        """
        mixed = self.attn(self.ln_1(x), layout, pooled=pooled)
        x = (layout.pool(x) if pooled else x) + mixed
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """A stack of blocks; their MLPs are four times wider inside by default."""

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        *,
        mlp_width: int | None = None,
        activation: Activation = "quick_gelu",
        layer_norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.width = width
        blocks = [Block(width, heads, mlp_width or 4 * width, activation, layer_norm_eps) for _ in range(layers)]
        self.resblocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor, layout: Layout, *, pooled: bool = True) -> torch.Tensor:
        """Return ``[N, C]``, each sample's own position, or without `pooled` all of them, in the shape of x."""
        last = len(self.resblocks) - 1
        for number, block in enumerate(self.resblocks):
            x = run_block(block, x, layout, pooled=pooled and number == last)
        return x

    def initialise_as_released(self) -> None:
        """Draw the weights as the release does for its text transformer (CLIP code, `initialize_parameters`)."""
        attention_std = self.width**-0.5
        projection_std = attention_std * (2 * len(self.resblocks)) ** -0.5
        mlp_std = (2 * self.width) ** -0.5
        for block in self.resblocks:
            assert isinstance(block, Block)
            nn.init.normal_(block.attn.in_proj.weight, std=attention_std)
            nn.init.normal_(block.attn.out_proj.weight, std=projection_std)
            nn.init.normal_(block.mlp.c_fc.weight, std=mlp_std)
            nn.init.normal_(block.mlp.c_proj.weight, std=projection_std)
