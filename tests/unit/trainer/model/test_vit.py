"""The vision transformer: patches, class token, and where it does not depend on order."""

import pytest
import torch

from trainer.model.vit import VisionTransformer
from trainer.presets import ViTConfig

CONFIG = ViTConfig(image_px=32, patch_px=8, width=32, layers=2, heads=4)
SCALE, SHIFT = torch.full((3,), 1 / 64), torch.full((3,), -2.0)


def made_images(num: int) -> torch.Tensor:
    return torch.randint(0, 256, (num, 3, 32, 32), dtype=torch.uint8)


def test_a_feature_for_each_image_of_its_own() -> None:
    torch.manual_seed(0)
    encoder = VisionTransformer(CONFIG, 16).eval()
    images = made_images(3)
    features = encoder(images, SCALE, SHIFT)
    assert features.shape == (3, 16)
    assert encoder.positional_embedding.shape == (17, 32)
    torch.testing.assert_close(encoder(images[1:2], SCALE, SHIFT), features[1:2], atol=1e-5, rtol=1e-4)


def test_all_positions_hold_the_features_and_the_patches() -> None:
    torch.manual_seed(0)
    encoder = VisionTransformer(CONFIG, 16).double()
    images, scale, shift = made_images(2), SCALE.double(), SHIFT.double()
    positions = encoder.encode_positions(images, scale, shift)
    assert positions.shape == (2, 17, 32)
    features = encoder.ln_post(positions[:, 0]) @ encoder.proj
    torch.testing.assert_close(features, encoder(images, scale, shift), rtol=0, atol=1e-13)


def test_places_of_patches_count_by_their_embedding_alone() -> None:
    torch.manual_seed(0)
    encoder = VisionTransformer(CONFIG, 16).eval()
    image = made_images(1)
    swapped = torch.cat([image[..., 16:], image[..., :16]], dim=-1)
    assert (encoder(swapped, SCALE, SHIFT) - encoder(image, SCALE, SHIFT)).abs().max() > 1e-4
    encoder.positional_embedding.data.zero_()
    torch.testing.assert_close(encoder(swapped, SCALE, SHIFT), encoder(image, SCALE, SHIFT), atol=1e-5, rtol=1e-4)


def test_an_image_that_is_not_whole_patches_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of patch_px, found 30 and 8"):
        VisionTransformer(ViTConfig(image_px=30, patch_px=8, width=32, layers=1, heads=4), 16)
