"""Each parameter of each preset stands in the layer of its encoder that its name says."""

import torch

from trainer.model.clip import CLIP
from trainer.optim.layers import Layer, find_layers
from trainer.presets import find_preset


def layers_of(preset: str) -> dict[str, Layer]:
    with torch.device("meta"):
        model = CLIP(find_preset(preset).model)
    return find_layers(name for name, _ in model.named_parameters())


def below_top(preset: str, *beginnings: str) -> list[set[tuple[str | None, int]]]:
    found = layers_of(preset)
    return [
        {(layer.encoder, layer.below_top) for name, layer in found.items() if name.startswith(beginning)}
        for beginning in beginnings
    ]


def test_a_transformer_goes_from_embeddings_by_blocks_to_the_projection() -> None:
    inside = ("conv1", "class_embedding", "positional_embedding", "ln_pre", "transformer.resblocks.0.",
              "transformer.resblocks.11.", "ln_post", "proj")  # fmt: skip
    assert below_top("vit-b-32", *(f"image_encoder.{name}" for name in inside)) == [
        {("image", number)} for number in (13, 13, 13, 13, 12, 1, 0, 0)
    ]


def test_a_text_encoder_has_its_own_depth() -> None:
    inside = ("token_embedding", "positional_embedding", "transformer.resblocks.0.", "transformer.resblocks.11.",
              "ln_final", "text_projection")  # fmt: skip
    assert below_top("vit-l-14", *(f"text_encoder.{name}" for name in inside)) == [
        {("text", number)} for number in (13, 13, 12, 1, 0, 0)
    ]
    assert below_top("vit-l-14", "image_encoder.transformer.resblocks.0.") == [{("image", 24)}]


def test_a_resnet_goes_from_its_stem_by_stages_to_the_pool() -> None:
    inside = ("conv1", "bn3", "layer1.", "layer2.", "layer4.", "attnpool")
    assert below_top("rn50", *(f"image_encoder.{name}" for name in inside)) == [
        {("image", number)} for number in (5, 5, 4, 3, 1, 0)
    ]


def test_the_logit_scale_stands_beside_both() -> None:
    assert layers_of("vit-tiny")["logit_scale"] == Layer(None, 0)
