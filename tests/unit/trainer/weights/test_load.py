"""Weights of other projects in our model: the same features, loss and gradients; whatever does not fit is named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.foreign_models import (
    ONE,
    assert_equal_results,
    normalised,
    random_pairs,
    their_results,
    transformers_clip,
    transformers_config,
    write_transformers_folder,
)
from trainer.model.clip import CLIP
from trainer.presets import PRESETS, ModelConfig, ResNetConfig, TextConfig, ViTConfig
from trainer.weights.begin import read_given
from trainer.weights.convert import convert
from trainer.weights.find_weights import find_weights
from trainer.weights.form.open_clip_names import OPEN_CLIP
from trainer.weights.form.transformers_names import TRANSFORMERS_CLIP
from trainer.weights.load import load_given, share_weights
from trainer.weights.normalisation import Normalisation

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

SMALL = ModelConfig(
    embed_dim=24,
    image=ViTConfig(image_px=64, patch_px=16, width=64, layers=3, heads=4),
    text=TextConfig(width=32, layers=3, heads=4, context_length=12, vocab_size=80),
)
OTHER = ModelConfig(
    embed_dim=24,
    image=ViTConfig(image_px=48, patch_px=16, width=60, layers=2, heads=3, mlp_width=130, activation="gelu"),
    text=TextConfig(width=32, layers=2, heads=2, context_length=9, vocab_size=70, mlp_width=100, activation="gelu"),
)


def load(model: CLIP, path: Path, option: str = "init_from") -> list[str]:
    given, _ = read_given(option, find_weights(str(path), "--init-from"))
    return load_given(model, given)


def compare(config: ModelConfig, theirs: Any, ours: CLIP, num: int) -> None:
    pairs = random_pairs(config, num)
    results = their_results(theirs, normalised(ours, pairs.images_N3PP), pairs)
    assert_equal_results(ours, pairs, results, TRANSFORMERS_CLIP)


@pytest.mark.parametrize("config", [SMALL, OTHER], ids=["quick_gelu", "gelu and other widths"])
@pytest.mark.parametrize("options", [{}, {"max_shard_size": "40KB"}], ids=["one file", "spread"])
def test_a_folder_of_transformers_gives_its_features_loss_and_gradients(
    tmp_path: Path, config: ModelConfig, options: dict[str, Any]
) -> None:
    theirs = transformers_clip(config)
    folder = write_transformers_folder(tmp_path / "clip", theirs, **options)
    assert len(list(folder.glob("*.safetensors"))) == (1 if not options else len(list(folder.glob("model-*"))))
    ours = CLIP(config)
    assert load(ours, folder) == [
        f"weights from {folder / 'model.safetensors' if not options else folder}, of transformers' CLIPModel"
    ]
    compare(config, theirs, ours, 5)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("vit-b-32", marks=pytest.mark.slow),
        pytest.param("vit-b-16", marks=pytest.mark.slow),
        pytest.param("vit-l-14", marks=pytest.mark.slow),
        pytest.param("vit-l-14-336", marks=pytest.mark.slow),
    ],
)
def test_the_papers_vits_are_those_of_transformers(name: str) -> None:
    config = PRESETS[name].model
    theirs = transformers_clip(config)
    with torch.device("meta"):
        ours = CLIP(config)
    shapes = {key: tensor.shape for key, tensor in ours.state_dict().items()}
    converted = convert(shapes, theirs.state_dict(), TRANSFORMERS_CLIP, Normalisation(), name)
    assert converted.beside == ()
    ours = ours.to_empty(device="cpu")
    ours.image_mean.copy_(CLIP(SMALL).image_mean)
    ours.image_std.copy_(CLIP(SMALL).image_std)
    ours.load_state_dict(converted.tensors, assign=True)
    for parameter in ours.parameters():
        parameter.requires_grad_(True)
    compare(config, theirs, ours, 2)


@pytest.mark.parametrize("name", ["vit-l-14", "vit-l-14-336"])
def test_the_largest_vits_have_the_names_and_shapes_of_transformers(name: str) -> None:
    with torch.device("meta"):
        theirs = transformers.CLIPModel(transformers_config(PRESETS[name].model))
        ours = CLIP(PRESETS[name].model).state_dict()
    wanted = {key: tensor.shape for key, tensor in ours.items()}
    converted = convert(wanted, theirs.state_dict(), TRANSFORMERS_CLIP, Normalisation(), name)
    assert converted.tensors.keys() == ours.keys()
    assert (converted.beside, converted.notes) == ((), ())
    assert theirs.num_parameters() == sum(tensor.numel() for tensor in ours.values())


def test_another_size_of_images_interpolates_the_positions(tmp_path: Path) -> None:
    theirs = transformers_clip(SMALL)
    folder = write_transformers_folder(tmp_path / "clip", theirs)
    larger = CLIP(replace(SMALL, image=replace(SMALL.image, image_px=96)))
    (line,) = load(larger, folder)
    assert line.endswith("position embeddings interpolated from 16 to 36 patches")
    wanted = theirs.state_dict()["vision_model.embeddings.position_embedding.weight"]
    assert torch.equal(larger.image_encoder.positional_embedding[0], wanted[0])
    images = random_pairs(larger.config, 2).images_N3PP
    ours = larger.encode_images(images)
    pixels = normalised(larger, images)
    features = theirs.visual_projection(
        theirs.vision_model(pixel_values=pixels, interpolate_pos_encoding=True).pooler_output
    )
    cosines = torch.nn.functional.cosine_similarity(ours, features)
    assert (cosines > 0.99).all()  # theirs is interpolated without antialias: alike, not equal


def open_clip_weights(model: CLIP) -> dict[str, torch.Tensor]:
    """Return our weights under open_clip's names, by a table of its own."""
    renamed = {}
    for name, tensor in model.state_dict().items():
        theirs = name.replace("image_encoder.", "visual.").replace("text_encoder.", "")
        theirs = theirs.replace("in_proj.weight", "in_proj_weight").replace("in_proj.bias", "in_proj_bias")
        theirs = theirs.replace("downsample.1.", "downsample.0.").replace("downsample.2.", "downsample.1.")
        renamed[theirs] = tensor.clone()
    return renamed


@pytest.mark.parametrize("form", ["safetensors", "pt", "training checkpoint", "custom text"])
def test_state_dicts_of_open_clip(tmp_path: Path, form: str) -> None:
    torch.manual_seed(0)
    model = CLIP(SMALL)
    weights = open_clip_weights(model) | {"input_resolution": torch.tensor(64), "attn_mask": torch.zeros(2, 2)}
    path = tmp_path / "clip.pt"
    beside: list[str] = []
    if form == "safetensors":
        path = tmp_path / "clip.safetensors"
        save_file({name: tensor.half() for name, tensor in weights.items()}, path)
    elif form == "pt":
        torch.save(weights, path)
    elif form == "training checkpoint":
        state = {f"module.{name}": tensor for name, tensor in weights.items()}
        torch.save({"epoch": 3, "name": "run", "state_dict": state, "optimizer": {"state": {}}}, path)
        beside = [f"left in {path}: epoch, name, optimizer"]
    else:
        torch.save(
            {name if name.startswith(("visual", "logit")) else f"text.{name}": t for name, t in weights.items()}, path
        )
    torch.manual_seed(1)
    ours = CLIP(SMALL)
    assert load(ours, path) == [f"weights from {path}, of open_clip or OpenAI", *beside]
    tolerance = 1e-3 if form == "safetensors" else 0.0
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor, atol=tolerance, rtol=tolerance, msg=name)


def changed(weights: dict[str, torch.Tensor], change: str) -> dict[str, torch.Tensor]:
    last = "visual.transformer.resblocks.2.ln_1.weight"
    if change == "lacks":
        del weights[last]
    elif change == "more":
        weights["visual.transformer.resblocks.3.ln_1.weight"] = weights[last].clone()
    elif change == "wide":
        weights["visual.proj"] = torch.zeros(64, 25)
    elif change == "vocabulary":
        weights["token_embedding.weight"] = torch.zeros(81, 32)
    elif change == "positions":
        weights["visual.positional_embedding"] = torch.zeros(18, 64)
    elif change == "whole numbers":
        weights["logit_scale"] = torch.tensor(3)
    else:
        weights = {"a": torch.zeros(1), "b": torch.zeros(1)}
    return weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "lacks",
            r"clip\.safetensors: no tensor 'visual\.transformer\.resblocks\.2\.ln_1\.weight', which the model has",
        ),
        ("more", r"no place for tensor 'visual\.transformer\.resblocks\.3\.ln_1\.weight'; give the --model"),
        ("wide", r"clip\.safetensors: tensor 'visual\.proj' should have the shape \[64, 24\], found \[64, 25\]"),
        (
            "vocabulary",
            r"'token_embedding\.weight' has embeddings of 81 tokens, the tokenizer 80; give the --tokenizer",
        ),
        ("positions", "18 positions cannot become 17: expected a square grid and one more of both"),
        ("whole numbers", r"expected numbers with fractions in tensor 'logit_scale', found torch\.int64"),
        ("another model", r"expected the weights of this project \(image_encoder.*found a, b"),
    ],
    ids=["lacks", "more", "wide", "vocabulary", "positions", "whole numbers", "another model"],
)
def test_what_does_not_fit_is_named_in_one_line(tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "clip.safetensors"
    save_file(changed(open_clip_weights(CLIP(SMALL)), change), path)
    with pytest.raises(ValueError, match=message) as refused:
        load(CLIP(SMALL), path)
    assert "\n" not in str(refused.value)


def test_a_transposed_matrix_is_named_as_it_stands_in_the_file(tmp_path: Path) -> None:
    folder = write_transformers_folder(tmp_path / "clip", transformers_clip(SMALL))
    weights = load_file(folder / "model.safetensors")
    weights["visual_projection.weight"] = torch.zeros(23, 64)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"'visual_projection\.weight' should have the shape \[24, 64\], found \[23, 64\]"
    ):
        load(CLIP(SMALL), folder)


def test_the_scale_of_the_logits_comes_along(tmp_path: Path) -> None:
    weights = open_clip_weights(CLIP(SMALL)) | {"logit_scale": torch.tensor(4.0)}
    save_file(weights, tmp_path / "clip.safetensors")
    ours = CLIP(SMALL)
    load(ours, tmp_path / "clip.safetensors")
    assert float(ours.logit_scale.detach()) == 4.0


def test_a_resnet_for_other_means_is_refused(tmp_path: Path) -> None:
    config = replace(SMALL, image=ResNetConfig(image_px=64, width=8, blocks=(1, 1, 1, 1)))
    weights = open_clip_weights(CLIP(config))
    shapes = {name: tensor.shape for name, tensor in CLIP(config).state_dict().items()}
    assert convert(shapes, weights, OPEN_CLIP, Normalisation(), "them").tensors.keys() == shapes.keys()
    with pytest.raises(ValueError, match="a ResNet for images of mean"):
        convert(shapes, weights, OPEN_CLIP, Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), "them")


def test_alone_nothing_is_shared() -> None:
    model = CLIP(SMALL)
    before = model.logit_scale.detach().clone()
    share_weights(model, ONE)
    assert torch.equal(before, model.logit_scale.detach())
