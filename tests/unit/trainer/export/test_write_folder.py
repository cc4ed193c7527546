"""Folders of other projects: read back they are the same weights, bit for bit; what has no place there is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from schemas.storage import Folder
from tests.support.exported import GEOMETRIES, MIXED, NO_PRE_NORM, RESNET, SIGMOID, VIT, read_drawn
from tests.support.folder_bytes import folder_bytes
from tests.support.small_model import TOKENIZER
from trainer.export.write_folder import write_for_open_clip, write_for_transformers, write_for_us
from trainer.presets import PRESETS, ModelConfig
from trainer.tokenizer import given_tokenizer
from trainer.weights.form.open_clip_config import config_for_open_clip, model_of_open_clip
from trainer.weights.form.transformers_config import config_for_transformers, model_of_transformers
from trainer.weights.read_model import ReadModel, read_model

Write = Callable[[Folder, ReadModel], tuple[str, ...]]
WRITERS: dict[str, Write] = {
    "transformers": write_for_transformers,
    "open_clip": write_for_open_clip,
    "safetensors": write_for_us,
}
REFUSED = {("transformers", "resnet"), ("transformers", "no norm before"), ("open_clip", "mixed")}


@pytest.mark.parametrize(
    ("project", "geometry"),
    [pair for pair in product(WRITERS, GEOMETRIES) if pair not in REFUSED],
)
def test_ours_to_theirs_to_ours_is_the_same_to_the_bit(tmp_path: Path, project: str, geometry: str) -> None:
    config = GEOMETRIES[geometry]
    read = read_drawn(tmp_path, config)
    left_out = WRITERS[project](Folder(str(tmp_path / "theirs")), read)
    again = read_model(str(tmp_path / "theirs"), "--checkpoint")
    assert left_out == (("logit_bias",) if (project, geometry) == ("transformers", "sigmoid") else ())
    assert again.geometry == (config if not left_out else replace(config, loss="contrastive"))
    assert again.tensors.keys() == read.tensors.keys() - {*left_out}
    assert all(torch.equal(tensor, read.tensors[name]) for name, tensor in again.tensors.items())
    assert again.tokenizer.sha256 == read.tokenizer.sha256
    WRITERS[project](Folder(str(tmp_path / "again")), again)
    assert folder_bytes(tmp_path / "again") == folder_bytes(tmp_path / "theirs")


def test_tensors_say_whose_they_are(tmp_path: Path) -> None:
    write_for_transformers(Folder(str(tmp_path / "theirs")), read_drawn(tmp_path, VIT))
    with safe_open(tmp_path / "theirs" / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert "vision_model.encoder.layers.0.self_attn.k_proj.bias" in file.keys()  # noqa: SIM118


@pytest.mark.parametrize(
    ("write", "config", "message"),
    [
        (write_for_transformers, RESNET, "transformers has no class for CLIP's ResNets; give --format open_clip"),
        (write_for_transformers, NO_PRE_NORM, "has a norm before the image encoder's blocks, which this model has not"),
        (write_for_open_clip, MIXED, "one activation for both encoders, this model gelu for images and quick_gelu"),
    ],
    ids=["resnet", "no norm before", "two activations"],
)
def test_what_has_no_place_is_refused(tmp_path: Path, write: Write, config: ModelConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write(Folder(str(tmp_path / "theirs")), read_drawn(tmp_path, config))


def with_eos_at(number: int, read: ReadModel) -> ReadModel:
    """Return the model with a tokenizer whose [EOS] has this id, and a token of that id its own."""
    model = json.loads(TOKENIZER.to_json())["model"]
    other = next(token for token, place in model["vocab"].items() if place == number)
    vocabulary = model["vocab"] | {other: TOKENIZER.eos, "<|endoftext|>": number}
    merges = [tuple(merge) for merge in model["merges"]]
    return replace(read, tokenizer=given_tokenizer(vocabulary, merges, context_length=TOKENIZER.context_length))


def test_an_eos_that_others_do_not_find_is_refused(tmp_path: Path) -> None:
    read = with_eos_at(2, read_drawn(tmp_path, VIT))
    with pytest.raises(ValueError, match=r"open_clip takes the highest id of a text for \[EOS\], which is 2 of 521"):
        write_for_open_clip(Folder(str(tmp_path / "a")), read)
    with pytest.raises(ValueError, match=r"\[EOS\] has the id 2, which transformers takes for a sign of early configs"):
        write_for_transformers(Folder(str(tmp_path / "b")), read)


@pytest.mark.parametrize("name", PRESETS)
def test_configs_of_the_papers_models_read_back(name: str) -> None:
    model = PRESETS[name].model
    sigmoid = replace(model, loss="sigmoid")
    assert model_of_open_clip({"model_cfg": config_for_open_clip(model)}, "x") == model
    assert model_of_open_clip(config_for_open_clip(sigmoid), "x") == sigmoid
    if name.startswith("vit"):
        assert model_of_transformers(config_for_transformers(model, sos=1, eos=3), "x") == model


@pytest.mark.parametrize("width", [16, 48, 768, 1408])
def test_any_width_of_an_mlp_comes_through_a_ratio(width: int) -> None:
    assert SIGMOID.text.mlp_width is None
    for mlp_width in range(1, 6 * width, 7):
        model = replace(VIT, text=replace(VIT.text, width=width, mlp_width=mlp_width))
        assert model_of_open_clip(config_for_open_clip(model), "x") == model
