"""The modified ResNet: ResNet-D stem, anti-aliased strides, attention pool (CLIP, section 2.4).

Shapes: N images, C channels, P pixels per side, L positions, E embedding.
"""

from itertools import chain

import torch
import torch.nn.functional as F
from torch import nn

from trainer.model.recompute import run_block
from trainer.presets import ResNetConfig

EXPANSION = 4
"""A bottleneck's output channels per inner channel."""


def _convolution(channels_in: int, channels_out: int, kernel_px: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel_px, stride=stride, padding=kernel_px // 2, bias=False)


class Bottleneck(nn.Module):
    """Bottleneck whose strides are average pools before 1x1 convolutions."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(channels_in, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _convolution(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.avgpool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3 = _convolution(channels, EXPANSION * channels, 1)
        self.bn3 = nn.BatchNorm2d(EXPANSION * channels)
        self.downsample: nn.Module | None = None
        if stride > 1 or channels_in != EXPANSION * channels:
            self.downsample = nn.Sequential(
                nn.AvgPool2d(stride) if stride > 1 else nn.Identity(),
                _convolution(channels_in, EXPANSION * channels, 1),
                nn.BatchNorm2d(EXPANSION * channels),
            )
        nn.init.zeros_(self.bn3.weight)

    def forward(self, x_NCPP: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.bn1(self.conv1(x_NCPP)), inplace=True)
        out = F.relu(self.bn2(self.conv2(out)), inplace=True)
        out = self.bn3(self.conv3(self.avgpool(out)))
        same = x_NCPP if self.downsample is None else self.downsample(x_NCPP)
        return F.relu(out + same, inplace=True)


class AttentionPool(nn.Module):
    """One attention layer whose query is the mean over positions; gives the image's feature."""

    def __init__(self, side: int, width: int, heads: int, embed_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.randn(side * side + 1, width) / width**0.5)
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, embed_dim)
        for projection in (self.q_proj, self.k_proj, self.v_proj, self.c_proj):
            nn.init.normal_(projection.weight, std=width**-0.5)

    def forward(self, x_NCPP: torch.Tensor) -> torch.Tensor:
        return self.c_proj(self.before_projection(x_NCPP))

    def before_projection(self, x_NCPP: torch.Tensor) -> torch.Tensor:
        """Return what the heads have pooled ``[N, C]``."""
        x_NLC = x_NCPP.flatten(2).transpose(1, 2)
        x_NLC = torch.cat([x_NLC.mean(dim=1, keepdim=True), x_NLC], dim=1) + self.positional_embedding
        num, _, width = x_NLC.shape

        def heads(projected: torch.Tensor) -> torch.Tensor:
            return projected.view(num, -1, self.heads, width // self.heads).transpose(1, 2)

        query, key, value = heads(self.q_proj(x_NLC[:, :1])), heads(self.k_proj(x_NLC)), heads(self.v_proj(x_NLC))
        pooled = F.scaled_dot_product_attention(query, key, value)
        return pooled.transpose(1, 2).reshape(num, width)


class ModifiedResNet(nn.Module):
    """Image encoder ``[N, 3, P, P] -> [N, E]``; P is a multiple of 32."""

    def __init__(self, config: ResNetConfig, embed_dim: int) -> None:
        super().__init__()
        if config.image_px % 32:
            raise ValueError(f"image_px must be a multiple of 32, found {config.image_px}")
        width = config.width
        self.conv1 = _convolution(3, width // 2, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = _convolution(width // 2, width // 2, 3)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = _convolution(width // 2, width, 3)
        self.bn3 = nn.BatchNorm2d(width)
        self.avgpool = nn.AvgPool2d(2)
        channels = width
        stages = []
        for number, num_blocks in enumerate(config.blocks):
            inner = width * 2**number
            blocks = [Bottleneck(channels, inner, stride=1 if number == 0 else 2)]
            channels = EXPANSION * inner
            blocks += [Bottleneck(channels, inner, stride=1) for _ in range(num_blocks - 1)]
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.attnpool = AttentionPool(config.image_px // 32, config.pool_width, config.heads, embed_dim)

    def forward(self, images_N3PP: torch.Tensor, scale_3: torch.Tensor, shift_3: torch.Tensor) -> torch.Tensor:
        """Return features ``[N, E]``, not normalised, of images whose pixels become ``scale * pixel + shift``."""
        return self.attnpool(self._positions(images_N3PP, scale_3, shift_3))

    def before_projection(
        self, images_N3PP: torch.Tensor, scale_3: torch.Tensor, shift_3: torch.Tensor
    ) -> torch.Tensor:
        """Return ``[N, C]``, what the projection into the embedding takes: what linear probes see."""
        return self.attnpool.before_projection(self._positions(images_N3PP, scale_3, shift_3))

    def _positions(self, images_N3PP: torch.Tensor, scale_3: torch.Tensor, shift_3: torch.Tensor) -> torch.Tensor:
        """Return what the stages make of the pixels, which are put channels-last while they are bytes.

        So no convolution changes the layout again.
        """
        pixels = images_N3PP.contiguous(memory_format=torch.channels_last)
        x = torch.addcmul(shift_3[:, None, None], pixels, scale_3[:, None, None])
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        x = self.avgpool(F.relu(self.bn3(self.conv3(x)), inplace=True))
        for block in chain(self.layer1, self.layer2, self.layer3, self.layer4):
            x = run_block(block, x)
        return x
