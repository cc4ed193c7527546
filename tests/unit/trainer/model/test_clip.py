"""The two encoders together: features of length one, the scale clamped, the release's first weights."""

import math

import pytest
import torch

from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.presets import PRESETS, ModelConfig, ResNetConfig, TextConfig, ViTConfig

TEXT = TextConfig(width=32, layers=2, heads=4, context_length=12, vocab_size=50)


VIT = ModelConfig(embed_dim=16, image=ViTConfig(image_px=32, patch_px=8, width=32, layers=2, heads=4), text=TEXT)


RESNET = ModelConfig(embed_dim=16, image=ResNetConfig(image_px=32, width=8, blocks=(1, 1, 1, 1)), text=TEXT)


@pytest.mark.parametrize("config", [VIT, RESNET], ids=["vit", "resnet"])
def test_features_have_length_one(config: ModelConfig) -> None:
    model = CLIP(config).eval()
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    image, text, scale = model(images, PackedTexts.from_rows([[1, 2, 49], [1, 2, 3, 4, 49], [1, *range(11)]]))
    assert image.shape == text.shape == (3, 16)
    torch.testing.assert_close(image.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(text.norm(dim=1), torch.ones(3))
    assert float(scale.detach()) == pytest.approx(1 / 0.07)


@pytest.mark.parametrize("config", [VIT, RESNET], ids=["vit", "resnet"])
def test_before_the_projection_is_what_the_projection_makes_features_of(config: ModelConfig) -> None:
    model = CLIP(config).eval()
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    before = model.encode_images_before_projection(images)
    assert before.shape == (3, 32 if config is VIT else config.image.pool_width)
    encoder = model.image_encoder
    projected = before @ encoder.proj if config is VIT else encoder.attnpool.c_proj(before)
    torch.testing.assert_close(projected / projected.norm(dim=1, keepdim=True), model.encode_images(images))


def test_scale_is_clamped_at_100() -> None:
    model = CLIP(VIT)
    model.logit_scale.data.fill_(7.0)
    model.clamp_logit_scale()
    assert float(model.logit_scale.detach().exp()) == pytest.approx(100.0)
    model.logit_scale.data.fill_(1.0)
    model.clamp_logit_scale()
    assert float(model.logit_scale.detach()) == pytest.approx(1.0)


def test_images_are_normalised_as_the_release_does() -> None:
    """Pixels u become (u / 255 - mean) / std: for the ResNet, whose first convolution shows them."""
    model = CLIP(RESNET)
    seen: list[torch.Tensor] = []
    model.image_encoder.conv1.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))  # type: ignore[union-attr]
    model.encode_images(torch.full((2, 3, 32, 32), 255, dtype=torch.uint8))
    wanted = [(1 - 0.48145466) / 0.26862954, (1 - 0.4578275) / 0.26130258, (1 - 0.40821073) / 0.27577711]
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor(wanted))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_first_weights_are_the_releases() -> None:
    torch.manual_seed(0)
    config = PRESETS["vit-tiny"].model
    model = CLIP(config)
    width, layers = config.text.width, config.text.layers
    block = model.text_encoder.transformer.resblocks[0]
    wanted = [
        (model.text_encoder.token_embedding.weight, 0.02),
        (model.text_encoder.positional_embedding, 0.01),
        (model.text_encoder.text_projection, width**-0.5),
        (block.attn.in_proj.weight, width**-0.5),
        (block.attn.out_proj.weight, width**-0.5 * (2 * layers) ** -0.5),
        (block.mlp.c_fc.weight, (2 * width) ** -0.5),
        (block.mlp.c_proj.weight, width**-0.5 * (2 * layers) ** -0.5),
        (model.image_encoder.positional_embedding, config.image.width**-0.5),  # type: ignore[union-attr]
    ]
    for weight, std in wanted:
        assert float(weight.detach().std()) == pytest.approx(std, rel=0.05)


def test_logit_scale_starts_at_the_papers_value() -> None:
    assert float(CLIP(VIT).logit_scale.detach()) == pytest.approx(math.log(1 / 0.07))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (ViTConfig(image_px=30, patch_px=8, width=32, layers=1, heads=4), "multiple of patch_px, found 30 and 8"),
        (ViTConfig(image_px=32, patch_px=8, width=30, layers=1, heads=4), "multiple of heads, found width 30"),
        (ResNetConfig(image_px=40, width=8, blocks=(1, 1, 1, 1)), "multiple of 32, found 40"),
    ],
)
def test_impossible_geometry_is_refused(image: ViTConfig | ResNetConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CLIP(ModelConfig(embed_dim=16, image=image, text=TEXT))
