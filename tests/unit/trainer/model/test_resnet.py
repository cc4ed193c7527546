"""CLIP's ResNet."""

from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, ResNetConfig, TextConfig

TEXT = TextConfig(width=32, layers=2, heads=4, context_length=12, vocab_size=50)


RESNET = ModelConfig(embed_dim=16, image=ResNetConfig(image_px=32, width=8, blocks=(1, 1, 1, 1)), text=TEXT)


def test_residual_branches_of_the_resnet_start_at_zero() -> None:
    model = CLIP(RESNET)
    assert float(model.image_encoder.layer1[0].bn3.weight.detach().abs().max()) == 0.0
