"""Which weights of the text encoder are kept in half precision."""

import torch

from trainer.model.clip import CLIP
from trainer.optim.text_weights import keep_text_weights
from trainer.presets import find_preset


def test_linear_maps_are_halves_and_the_rest_is_not() -> None:
    torch.manual_seed(0)
    model = CLIP(find_preset("vit-tiny").model)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    keep_text_weights(model, "bfloat16")
    for name, parameter in model.named_parameters():
        linear = name.startswith("text_encoder.transformer") and ".ln_" not in name
        wanted = linear or name == "text_encoder.text_projection"
        assert (parameter.dtype == torch.bfloat16) == wanted, name
        assert torch.equal(parameter, before[name].to(parameter.dtype))
    halves = sum(parameter.numel() for parameter in model.parameters() if parameter.dtype == torch.bfloat16)
    assert halves == 2 * (12 * 128**2 + 9 * 128) + 128**2


def test_float32_changes_nothing() -> None:
    model = CLIP(find_preset("vit-tiny").model)
    keep_text_weights(model, "float32")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
