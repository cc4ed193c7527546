"""The vision transformer: patches in, one feature per image out (CLIP, section 2.4).

Shapes: N images, L positions, K patches kept of an image, C channels, E embedding, P pixels per side.
"""

import torch
import torch.nn.functional as F
from torch import nn

from trainer.model.layout import Images
from trainer.model.patches import cut_patches, embed_patches
from trainer.model.precision import product_dtype
from trainer.model.transformer import Transformer
from trainer.presets import ViTConfig


class VisionTransformer(nn.Module):
    """ViT whose output is the class token's; CLIP's has an extra layer normalisation before the blocks (`ln_pre`)."""

    def __init__(self, config: ViTConfig, embed_dim: int) -> None:
        super().__init__()
        if config.image_px % config.patch_px:
            raise ValueError(f"image_px must be a multiple of patch_px, found {config.image_px} and {config.patch_px}")
        width = config.width
        scale = width**-0.5
        positions = (config.image_px // config.patch_px) ** 2 + 1
        self.conv1 = nn.Conv2d(3, width, config.patch_px, stride=config.patch_px, bias=False)
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(positions, width))
        eps = config.layer_norm_eps
        self.ln_pre = nn.LayerNorm(width, eps=eps) if config.pre_norm else nn.Identity()
        self.transformer = Transformer(
            width,
            config.layers,
            config.heads,
            mlp_width=config.mlp_width,
            activation=config.activation,
            layer_norm_eps=eps,
        )
        self.ln_post = nn.LayerNorm(width, eps=eps)
        self.proj = nn.Parameter(scale * torch.randn(width, embed_dim))

    @property
    def num_patches(self) -> int:
        return len(self.positional_embedding) - 1

    def forward(
        self,
        images_N3PP: torch.Tensor,
        scale_3: torch.Tensor,
        shift_3: torch.Tensor,
        kept_NK: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return features ``[N, E]``, not normalised, of images whose pixels become ``scale * pixel + shift``.

        With `kept_NK` (`PatchDropout.kept`) of these patches alone: what is dropped costs nothing.
        """
        return self.before_projection(images_N3PP, scale_3, shift_3, kept_NK) @ self.proj

    def before_projection(
        self,
        images_N3PP: torch.Tensor,
        scale_3: torch.Tensor,
        shift_3: torch.Tensor,
        kept_NK: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the class token ``[N, C]`` as the projection into the embedding takes it: what linear probes see."""
        x_NLC = self._embed(images_N3PP, scale_3, shift_3, kept_NK)
        return self.ln_post(self.transformer(self.ln_pre(x_NLC), Images()))

    def encode_positions(self, images_N3PP: torch.Tensor, scale_3: torch.Tensor, shift_3: torch.Tensor) -> torch.Tensor:
        """Return ``[N, L, C]``: what the last block gives at the class token and at every patch."""
        x_NLC = self._embed(images_N3PP, scale_3, shift_3, None)
        return self.transformer(self.ln_pre(x_NLC), Images(), pooled=False)

    def _embed(
        self, images_N3PP: torch.Tensor, scale_3: torch.Tensor, shift_3: torch.Tensor, kept_NK: torch.Tensor | None
    ) -> torch.Tensor:
        """Return class token and patches with their positions' embeddings."""
        weight = self.conv1.weight
        patches = cut_patches(images_N3PP, weight.shape[-1])
        class_position_1C, positions_LC = self.positional_embedding.split((1, self.num_patches))
        if kept_NK is not None:
            patches = patches.gather(1, kept_NK[..., None].expand(-1, -1, patches.shape[-1]))
            positions_LC = F.embedding(kept_NK, positions_LC)
        x_NLC = embed_patches(patches, weight, scale_3, shift_3, product_dtype(weight)) + positions_LC
        class_1C = self.class_embedding + class_position_1C
        # not len: by that an exported model takes the batch that it was traced with alone
        return torch.cat([class_1C.to(x_NLC.dtype).expand(x_NLC.shape[0], 1, -1), x_NLC], dim=1)
