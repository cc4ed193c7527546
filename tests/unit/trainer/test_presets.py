"""Every model of the paper has the parameters and the forward work that the tables state."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from trainer.model.clip import CLIP
from trainer.model.vit import VisionTransformer
from trainer.presets import PRESETS, find_preset

PARAMETERS_M = {
    "rn50": (102.0, 38.3, 63.7),
    "rn101": (119.7, 56.3, 63.4),
    "rn50x4": (178.3, 87.1, 91.2),
    "rn50x16": (291.0, 167.3, 123.7),
    "rn50x64": (623.3, 420.4, 202.9),
    "vit-b-32": (151.3, 87.8, 63.4),
    "vit-b-16": (149.6, 86.2, 63.4),
    "vit-l-14": (427.6, 304.0, 123.7),
    "vit-l-14-336": (427.9, 304.3, 123.7),
}


@pytest.mark.parametrize("name", PARAMETERS_M)
def test_parameter_counts_are_the_papers(name: str) -> None:
    with torch.device("meta"):
        model = CLIP(PRESETS[name].model)
    image = sum(parameter.numel() for parameter in model.image_encoder.parameters())
    whole = sum(parameter.numel() for parameter in model.parameters())
    found = tuple(round(count / 1e6, 1) for count in (whole, image, whole - image))
    assert found == PARAMETERS_M[name]


def count_flops(name: str) -> tuple[int, int]:
    """Return the floating-point operations of one image and of one text that fills the context, forward."""
    config = PRESETS[name].model
    with torch.device("meta"):
        model = CLIP(config)
        pixels = torch.empty(1, 3, config.image.image_px, config.image.image_px, dtype=torch.uint8)
        scale = torch.empty(3)
        tokens = torch.zeros(1, config.text.context_length, dtype=torch.int64)
        eos = torch.zeros(1, dtype=torch.int64)
    with FlopCounterMode(display=False) as image:
        if isinstance(model.image_encoder, VisionTransformer):  # whose features need not all of them
            all_positions = model.image_encoder.encode_positions(pixels, scale, scale)
            model.image_encoder.ln_post(all_positions[:, 0]) @ model.image_encoder.proj
        else:
            model.image_encoder(pixels, scale, scale)
    with FlopCounterMode(display=False) as text:
        model.text_encoder.encode_padded(tokens, eos)
    return image.get_total_flops(), text.get_total_flops()


@pytest.mark.parametrize("name", PARAMETERS_M)
def test_the_readme_states_parameters_and_forward_work(name: str) -> None:
    geometry = PRESETS[name].model
    whole, image, text = PARAMETERS_M[name]
    of_image, of_text = (flops / 1e9 for flops in count_flops(name))
    row = (
        f"| `{name}` | {geometry.image.image_px} | {geometry.embed_dim} | {image:.1f} | {text:.1f} | {whole:.1f} "
        f"| {of_image:.2f} | {of_text:.2f} | {of_image + of_text:.2f} |"
    )
    readme = (Path(__file__).parents[3] / "trainer" / "README.md").read_text(encoding="utf-8")
    assert row in readme.splitlines(), f"the table of models in trainer/README.md should have the row\n{row}"


def test_exact_count_of_the_released_vit_b_32() -> None:
    with torch.device("meta"):
        model = CLIP(PRESETS["vit-b-32"].model)
    assert sum(parameter.numel() for parameter in model.parameters()) == 151_277_313


def test_unknown_name_lists_the_names() -> None:
    with pytest.raises(ValueError, match=r"vit-b-32.*found 'vit-b-33'"):
        find_preset("vit-b-33")
