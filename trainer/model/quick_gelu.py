"""QuickGELU: x * sigmoid(1.702 x), the released model's approximation of GELU (Hendrycks and Gimpel, arXiv 1606.08415).

Only x is kept for the backward pass; composed of torch's operators, x and the sigmoid would be.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

SLOPE = 1.702


class _QuickGELU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return F.silu(x * SLOPE, inplace=True).mul_(1 / SLOPE)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        found: torch.Tensor = torch.ops.aten.silu_backward(gradient, x * SLOPE)
        return found


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.compiler.is_compiling():  # one kernel, and the compiler itself keeps x alone
            return x * torch.sigmoid(SLOPE * x)
        out: torch.Tensor = _QuickGELU.apply(x)
        return out
