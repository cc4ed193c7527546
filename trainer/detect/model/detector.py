"""CLIP as a detector: each patch finds one box and says what is in it (OWL-ViT, arXiv 2205.06230, section 3.1).

    image -> patches and class token -> blocks -> patch x class token -> LayerNorm -> box head    box
                                                                                   \\-> class head  embedding
    text -> CLIP's text encoder -> query                                 logit = (embedding . query + shift) x scale

Nothing is pooled: the class token is multiplied into every patch. Shapes: N images, L patches, Q queries, C channels,
E embedding, P pixels a side.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import nn

from trainer.detect.model.heads import BoxHead, ClassHead
from trainer.model.clip import CLIP
from trainer.model.vit import VisionTransformer
from trainer.presets import ModelConfig, ViTConfig
from trainer.weights.position_embeddings import resize_positions

HEADS = ("merge_norm", "box_head", "class_head")
"""What a detector has beside its CLIP."""


@dataclass(frozen=True)
class Objects:
    """What the patches of images show, all float32."""

    boxes_NL4: torch.Tensor
    """By centre, in parts of the square image's side."""
    embeddings_NLE: torch.Tensor
    """Class embeddings of length one."""
    shift_NL1: torch.Tensor
    scale_NL1: torch.Tensor

    def logits(self, queries_QE: torch.Tensor) -> torch.Tensor:
        """Return ``[N, L, Q]``, whose sigmoid is how sure a patch is that its box holds the query.

        Queries have length one; with `[N, Q, E]` each image has its own.
        """
        return (self.embeddings_NLE @ queries_QE.mT + self.shift_NL1) * self.scale_NL1


class Detector(CLIP):
    """A CLIP with a vision transformer, and the heads; as a CLIP it computes what it was."""

    def __init__(self, config: ModelConfig) -> None:
        """Raise ValueError for an image encoder that has no patches."""
        if not isinstance(config.image, ViTConfig):
            raise ValueError("a detector is made of a CLIP with a vision transformer, found a ResNet")
        super().__init__(config)
        width = config.image.width
        self.merge_norm = nn.LayerNorm(width, eps=config.image.layer_norm_eps)
        self.box_head = BoxHead(width, config.image.image_px // config.image.patch_px)
        self.class_head = ClassHead(width, config.embed_dim)

    def find_objects(self, images_N3PP: torch.Tensor) -> Objects:
        """Return what the patches of uint8 images show."""
        encoder = self.image_encoder
        assert isinstance(encoder, VisionTransformer)
        tokens_NLC = encoder.ln_post(encoder.encode_positions(images_N3PP, *self.pixel_map()))
        merged_NLC = self.merge_norm(tokens_NLC[:, 1:] * tokens_NLC[:, :1])
        return Objects(self.box_head(merged_NLC), *self.class_head(merged_NLC))


def make_detector(clip: CLIP, image_px: int) -> Detector:
    """Return a detector of this CLIP's weights for images of `image_px`; its heads are drawn by torch's generator.

    Position embeddings are interpolated to that size. The class head begins with CLIP's own projection. Raises
    ValueError for a ResNet, and for a size that the patches do not divide.
    """
    image = clip.config.image
    if isinstance(image, ViTConfig):
        if image_px % image.patch_px:
            raise ValueError(
                f"image_px must be a multiple of the model's patches of {image.patch_px}, found {image_px}"
            )
        image = replace(image, image_px=image_px)
    detector = Detector(replace(clip.config, image=image))
    state = clip.state_dict()
    positions = "image_encoder.positional_embedding"
    state[positions] = resize_positions(state[positions], len(detector.state_dict()[positions]))
    missing, unexpected = detector.load_state_dict(state, strict=False)
    assert not unexpected
    assert {name.split(".")[0] for name in missing} == set(HEADS)
    with torch.no_grad():
        projection_CE = state["image_encoder.proj"]
        detector.class_head.dense0.weight.copy_(projection_CE.T)
        nn.init.zeros_(detector.class_head.dense0.bias)
    assert isinstance(image, ViTConfig)
    assert math.isqrt(len(detector.box_head.bias_L4)) * image.patch_px == image_px
    return detector
