"""The residual attention blocks that the vision and the text transformer share.

Shapes: N samples, L positions, C channels, H heads.
"""

import torch
import torch.nn.functional as F
from torch import nn


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
    """Two linear maps, four times wider between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.gelu = QuickGELU()
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x_NLC: torch.Tensor) -> torch.Tensor:
        return self.c_proj(self.gelu(self.c_fc(x_NLC)))


class Block(nn.Module):
    """Pre-norm residual block: attention, then MLP."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads, causal)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = MLP(width)

    def forward(self, x_NLC: torch.Tensor) -> torch.Tensor:
        x_NLC = x_NLC + self.attn(self.ln_1(x_NLC))
        return x_NLC + self.mlp(self.ln_2(x_NLC))


class Transformer(nn.Module):
    """A stack of blocks over ``[N, L, C]``."""

    def __init__(self, width: int, layers: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.width = width
        self.resblocks = nn.ModuleList([Block(width, heads, causal) for _ in range(layers)])

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
