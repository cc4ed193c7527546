"""A CLIP that is used and not trained: evaluation mode, no gradient of its weights, on its device, in its precision.

Shapes: N samples, P pixels per side, E embedding.
"""

import json
from functools import cached_property

import torch

from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP, IMAGE_MEAN, IMAGE_STD
from trainer.model.resnet import ModifiedResNet
from trainer.presets import ModelConfig
from trainer.saving.checkpoint import model_config_to_json
from trainer.tokenizer import CaptionTokenizer
from trainer.weights.digest import weights_sha256


class FrozenCLIP(CLIP):
    """Encoders whose features are float32 and of length one, whatever the device and the precision.

    A gradient flows to images that ask for it, never to a weight.
    """

    def __init__(self, config: ModelConfig, tokenizer: CaptionTokenizer, autocast: torch.dtype | None) -> None:
        """Make it without weights; `made_frozen` gives them. `autocast` is the type of products, None for float32."""
        super().__init__(config)
        self.autocast = autocast
        self._tokenizer_sha256 = tokenizer.sha256

    @property
    def device(self) -> torch.device:
        return self.logit_scale.device

    @property
    def precision(self) -> str:
        """What products are computed in: float32, bfloat16, float16."""
        return str(self.autocast or torch.float32).removeprefix("torch.")

    def encode_images(self, images_N3PP: torch.Tensor, places_N: torch.Tensor | None = None) -> torch.Tensor:
        """Return features ``[N, E]`` of pixels in 0 .. 255, as `Preprocess` gives them; from any device."""
        with torch.autocast(self.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            return super().encode_images(images_N3PP.to(self.device, non_blocking=True), places_N)

    def encode_images_before_projection(self, images_N3PP: torch.Tensor) -> torch.Tensor:
        """Return ``[N, C]``, float32, not normalised: what linear probes see; from any device."""
        with torch.autocast(self.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            return super().encode_images_before_projection(images_N3PP.to(self.device, non_blocking=True))

    def encode_texts(self, texts: PackedTexts) -> torch.Tensor:
        """Return features ``[N, E]``; from any device."""
        with torch.autocast(self.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            return super().encode_texts(texts.to(self.device, non_blocking=True))

    def encode_image(self, images_N3PP: torch.Tensor) -> torch.Tensor:
        """Return what `encode_images` does, by the name that CLIP's README gives it.

        Raises ValueError for what is no batch of this model's images, as pixels that were normalised already.
        """
        side = self.config.image.image_px
        if images_N3PP.dtype != torch.uint8 or images_N3PP.shape[1:] != (3, side, side):
            raise ValueError(
                f"expected uint8 images [N, 3, {side}, {side}] as preprocess gives them (unsqueeze(0) for one), "
                f"found {str(images_N3PP.dtype).removeprefix('torch.')} {list(images_N3PP.shape)}"
            )
        return self.encode_images(images_N3PP)

    def encode_text(self, texts: PackedTexts) -> torch.Tensor:
        """Return what `encode_texts` does, by the name that CLIP's README gives it."""
        return self.encode_texts(texts)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 that names what features are made by: weights, geometry, tokenizer.

        The same however the weights were stored (`weights_sha256`). Precision and device are not named. Half a second
        for a ViT-B/32, once.
        """
        told = json.dumps([model_config_to_json(self.config), self._tokenizer_sha256], sort_keys=True)
        return weights_sha256(self.state_dict(), told)


def made_frozen(
    config: ModelConfig,
    tensors: dict[str, torch.Tensor],
    tokenizer: CaptionTokenizer,
    device: torch.device,
    autocast: torch.dtype | None,
) -> FrozenCLIP:
    """Return the model with these tensors, which it takes over; nothing is drawn first."""
    with torch.device("meta"):
        model = FrozenCLIP(config, tokenizer, autocast)
    model.load_state_dict({name: tensor.contiguous() for name, tensor in tensors.items()}, assign=True)
    model.image_mean = torch.tensor(IMAGE_MEAN).view(1, 3, 1, 1)
    model.image_std = torch.tensor(IMAGE_STD).view(1, 3, 1, 1)
    if isinstance(model.image_encoder, ModifiedResNet):
        model.lay_out(torch.channels_last)
    return model.eval().requires_grad_(False).to(device)
