"""CLIP: image encoder, text encoder and the learnable logit scale (CLIP, section 2.3 and figure 3).

Shapes: N samples, P pixels per side, E embedding.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from trainer.data.packed_texts import PackedTexts
from trainer.model.patch_dropout import PatchDropout
from trainer.model.resnet import ModifiedResNet
from trainer.model.text import TextTransformer
from trainer.model.vit import VisionTransformer
from trainer.presets import ModelConfig, ViTConfig

INITIAL_LOGIT_SCALE = math.log(1 / 0.07)
"""Logarithm of the first scale (CLIP, section 2.5)."""

SIGMOID_LOGIT_SCALE, SIGMOID_LOGIT_BIAS = math.log(10), -10.0
"""Logarithm of the first scale, and first bias, for the sigmoid loss (SigLIP, arXiv 2303.15343, section 3.2)."""

MAX_LOGIT_SCALE = math.log(100)
"""The scale is clipped to at most 100 (CLIP, section 2.5)."""

IMAGE_MEAN = (0.48145466, 0.4578275, 0.40821073)
IMAGE_STD = (0.26862954, 0.26130258, 0.27577711)
"""Mean and standard deviation per channel of the released model's inputs, of pixels in 0 .. 1."""


def _unit_length(features_NE: torch.Tensor) -> torch.Tensor:
    """Return the rows scaled to length one, in float32 when they come in less."""
    if features_NE.dtype in (torch.bfloat16, torch.float16):
        features_NE = features_NE.float()
    return F.normalize(features_NE, dim=-1)


class CLIP(nn.Module):
    """Both encoders; images come as uint8 and are normalised on the device."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.image_encoder: nn.Module
        if isinstance(config.image, ViTConfig):
            self.image_encoder = VisionTransformer(config.image, config.embed_dim)
        else:
            self.image_encoder = ModifiedResNet(config.image, config.embed_dim)
        self.patch_dropout: PatchDropout | None = None
        """In training, of vision transformers alone."""
        self.text_encoder = TextTransformer(config.text, config.embed_dim)
        is_sigmoid = config.loss == "sigmoid"
        self.logit_scale = nn.Parameter(torch.tensor(SIGMOID_LOGIT_SCALE if is_sigmoid else INITIAL_LOGIT_SCALE))
        self.logit_bias = nn.Parameter(torch.tensor(SIGMOID_LOGIT_BIAS)) if is_sigmoid else None
        self.image_mean: torch.Tensor
        self.image_std: torch.Tensor
        self.register_buffer("image_mean", torch.tensor(IMAGE_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("image_std", torch.tensor(IMAGE_STD).view(1, 3, 1, 1), persistent=False)

    def encode_images(self, images_N3PP: torch.Tensor, places_N: torch.Tensor | None = None) -> torch.Tensor:
        """Return features ``[N, E]`` of length one of uint8 images; `places_N` as in `forward`."""
        return _unit_length(self.image_encoder(images_N3PP, *self.pixel_map(), **self._dropped(places_N)))

    def encode_images_before_projection(self, images_N3PP: torch.Tensor) -> torch.Tensor:
        """Return ``[N, C]``, the image encoder's output before its last linear map, not normalised (appendix A.3)."""
        assert isinstance(self.image_encoder, (VisionTransformer, ModifiedResNet))
        return self.image_encoder.before_projection(images_N3PP, *self.pixel_map()).float()

    def pixel_map(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scale and shift per colour, ``[3]`` each, that normalise pixels of 0 .. 255."""
        return 1 / (255 * self.image_std.flatten()), -(self.image_mean / self.image_std).flatten()

    def encode_texts(self, texts: PackedTexts) -> torch.Tensor:
        """Return features ``[N, E]`` of length one."""
        return _unit_length(self.text_encoder(texts))

    def forward(
        self, images_N3PP: torch.Tensor, texts: PackedTexts, places_N: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        """Return (image features ``[N, E]``, text features ``[N, E]``, scale of the logits[, bias of the logits]).

        `places_N`, int64, are the samples' places in the run, by which patch dropout draws; without it they are not
        asked for.
        """
        found = (self.encode_images(images_N3PP, places_N), self.encode_texts(texts), self.logit_scale.exp())
        return found if self.logit_bias is None else (*found, self.logit_bias)

    def _dropped(self, places_N: torch.Tensor | None) -> dict[str, torch.Tensor]:
        """Return what an image encoder takes besides its images: which patches are kept, where some are dropped."""
        if self.patch_dropout is None or not self.training:
            return {}
        if places_N is None:
            raise ValueError("patch dropout draws by the samples' places in the run, found none")
        assert isinstance(self.image_encoder, VisionTransformer)
        return {"kept_NK": self.patch_dropout.kept(places_N, self.image_encoder.num_patches)}

    def lay_out(self, memory_format: torch.memory_format) -> None:
        """Lay weights of convolutions out so: channels last makes ResNets faster."""
        self.to(memory_format=memory_format)  # type: ignore[call-overload]  # torch's stubs lack it

    def clamp_logit_scale(self) -> None:
        """Keep the scale at most 100; called after each optimizer step."""
        with torch.no_grad():
            self.logit_scale.clamp_(max=MAX_LOGIT_SCALE)
