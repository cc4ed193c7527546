"""The residual attention blocks that the vision and the text transformer share.

Shapes: N samples, L positions, C channels, H heads.
"""

import torch
import torch.nn.functional as F
from torch import nn

from trainer.presets import Activation


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x), the released model's approximation of GELU."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(1.702 * x)


class Attention(nn.Module):
    """Multi-head self-attention with one projection for query, key and value."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, found width {width} and heads {heads}")
        self.heads = heads
        self.causal = causal
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        # torch's MultiheadAttention starts so, and the release takes it over for the vision transformer
        nn.init.xavier_uniform_(self.in_proj.weight)
        nn.init.zeros_(self.in_proj.bias)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x_NLC: torch.Tensor) -> torch.Tensor:
        num, length, width = x_NLC.shape
        qkv = self.in_proj(x_NLC).view(num, length, 3, self.heads, width // self.heads)
        query_NHLD, key_NHLD, value_NHLD = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed_NHLD = F.scaled_dot_product_attention(query_NHLD, key_NHLD, value_NHLD, is_causal=self.causal)
        return self.out_proj(mixed_NHLD.transpose(1, 2).reshape(num, length, width))


class MLP(nn.Module):
    """Two linear maps, wider between them."""

    def __init__(self, width: int, mlp_width: int, activation: Activation) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, mlp_width)
        self.gelu = QuickGELU() if activation == "quick_gelu" else nn.GELU()
        self.c_proj = nn.Linear(mlp_width, width)

    def forward(self, x_NLC: torch.Tensor) -> torch.Tensor:
        return self.c_proj(self.gelu(self.c_fc(x_NLC)))


class Block(nn.Module):
    """Pre-norm residual block: attention, then MLP."""

    def __init__(
        self, width: int, heads: int, causal: bool, mlp_width: int, activation: Activation, layer_norm_eps: float
    ) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=layer_norm_eps)
        self.attn = Attention(width, heads, causal)
        self.ln_2 = nn.LayerNorm(width, eps=layer_norm_eps)
        self.mlp = MLP(width, mlp_width, activation)

    def forward(self, x_NLC: torch.Tensor) -> torch.Tensor:
        x_NLC = x_NLC + self.attn(self.ln_1(x_NLC))
        return x_NLC + self.mlp(self.ln_2(x_NLC))


class Transformer(nn.Module):
    """A stack of blocks over ``[N, L, C]``; their MLPs are four times wider inside by default."""

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        *,
        causal: bool = False,
        mlp_width: int | None = None,
        activation: Activation = "quick_gelu",
        layer_norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.width = width
        blocks = [
            Block(width, heads, causal, mlp_width or 4 * width, activation, layer_norm_eps) for _ in range(layers)
        ]
        self.resblocks = nn.ModuleList(blocks)

    def forward(self, x_NLC: torch.Tensor) -> torch.Tensor:
        for block in self.resblocks:
            x_NLC = block(x_NLC)
        return x_NLC

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
