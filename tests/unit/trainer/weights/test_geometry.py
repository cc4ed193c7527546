"""Geometries by name, by file in each project's form, and by given weights; a mismatch is never silent."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.trainer.weights.test_find_weights import CONFIG, OPEN_CLIP
from trainer.config import TrainConfig
from trainer.presets import PRESETS, ResNetConfig, ViTConfig
from trainer.saving.checkpoint import model_config_to_json
from trainer.weights.geometry import find_geometry, named_geometry, recipe_of

VIT_H = {  # open_clip's model_configs/ViT-H-14.json
    "embed_dim": 1024,
    "vision_cfg": {"image_size": 224, "layers": 32, "width": 1280, "head_width": 80, "patch_size": 14},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 1024, "heads": 16, "layers": 24},
}
VIT_G = VIT_H | {"vision_cfg": {"image_size": 224, "layers": 40, "width": 1408, "head_width": 88, "mlp_ratio": 4.3637,
                                "patch_size": 14}}  # fmt: skip
RN50 = {
    "embed_dim": 1024, "quick_gelu": True,
    "vision_cfg": {"image_size": 224, "layers": [3, 4, 6, 3], "width": 64, "patch_size": None},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12},
}  # fmt: skip


def written(path: Path, body: Any) -> str:
    path.write_text(json.dumps(body))
    return str(path)


def test_names_files_and_the_default(tmp_path: Path) -> None:
    assert find_geometry(None, None, None, None) is PRESETS["vit-b-32"].model
    assert find_geometry("rn50", None, None, None) is PRESETS["rn50"].model
    assert named_geometry(written(tmp_path / "ours.json", model_config_to_json(CONFIG))) == CONFIG
    assert named_geometry(written(tmp_path / "open_clip.json", OPEN_CLIP)) == CONFIG
    assert named_geometry(written(tmp_path / "rn50.json", RN50)) == PRESETS["rn50"].model
    larger = find_geometry("vit-l-14", None, None, 336)
    assert larger == PRESETS["vit-l-14-336"].model


def test_vit_h_and_g_of_open_clip(tmp_path: Path) -> None:
    huge = named_geometry(written(tmp_path / "h.json", VIT_H))
    assert huge.image == ViTConfig(image_px=224, patch_px=14, width=1280, layers=32, heads=16, activation="gelu")
    assert (huge.text.activation, huge.text.width, huge.text.heads) == ("gelu", 1024, 16)
    giant = named_geometry(written(tmp_path / "g.json", VIT_G)).image
    assert isinstance(giant, ViTConfig)
    assert (giant.mlp_width, giant.heads) == (6144, 16)


def changed(section: str, name: str, value: Any) -> dict[str, Any]:
    body = json.loads(json.dumps(VIT_H))
    (body[section] if section else body)[name] = value
    return body


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        ("vision_cfg", "timm_model_name", "convnext_base", "vision_cfg.timm_model_name 'convnext_base' asks for what"),
        ("vision_cfg", "pool_type", "avg", "vision_cfg.pool_type 'avg' asks for what"),
        ("vision_cfg", "ls_init_value", 0.1, "vision_cfg.ls_init_value 0.1 asks for"),
        ("vision_cfg", "wobbles", True, "vision_cfg.wobbles is no field that this trainer knows, found True"),
        ("vision_cfg", "head_width", 77, "vision_cfg.width 1280 is no multiple of head_width 77"),
        ("vision_cfg", "layers", [3, 4], "vision_cfg.layers must be a number or four of them"),
        ("text_cfg", "hf_model_name", "roberta-base", "text_cfg.hf_model_name 'roberta-base' asks for"),
        ("text_cfg", "width", "wide", "text_cfg.width should be a whole number, found 'wide'"),
        ("", "multimodal_cfg", {"a": 1}, "multimodal_cfg .* asks for"),
        ("", "init_logit_scale", 10, "init_logit_scale 10 asks for"),
        ("vision_cfg", "norm_kwargs", {"eps": 1e-6, "bias": False}, "vision_cfg.norm_kwargs must hold eps alone"),
        ("vision_cfg", "norm_kwargs", {"eps": "small"}, "vision_cfg.norm_kwargs must hold eps alone"),
        ("", "embed_dim", None, "embed_dim should be a whole number"),
    ],
)
def test_what_our_encoders_lack_is_named(tmp_path: Path, section: str, name: str, value: Any, message: str) -> None:
    path = written(tmp_path / "model.json", changed(section, name, value))
    with pytest.raises(ValueError, match=message) as refused:
        named_geometry(path)
    assert path in str(refused.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model_type": "clip", "text_config": {"layer_norm_eps": 1e-6}}, "text_config.layer_norm_eps must be 1e-05"),
        ({"model_type": "clip", "vision_config": {"hidden_act": "relu"}}, "vision_config.hidden_act must be one of"),
        ({"model_type": "clip", "vision_config": {"num_channels": 1}}, "vision_config.num_channels must be 3, found 1"),
        ({"a": 1}, "expected a config.json of this project, a model config of open_clip"),
    ],
    ids=["eps", "activation", "channels", "another"],
)
def test_other_configs_are_refused(tmp_path: Path, body: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        named_geometry(written(tmp_path / "model.json", body))


def test_transformers_config_takes_its_defaults_and_older_overrides(tmp_path: Path) -> None:
    body = {"model_type": "clip", "projection_dim": 512, "vision_config": {}, "text_config": {"hidden_size": 9}}
    body["text_config_dict"] = {"hidden_size": 512}
    assert named_geometry(written(tmp_path / "config.json", body)) == PRESETS["vit-b-32"].model


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--model: no such file"):
        named_geometry(str(tmp_path / "none.json"))


def open_clip_folder(path: Path, body: Any = OPEN_CLIP) -> str:
    path.mkdir()
    written(path / "open_clip_config.json", body)
    (path / "open_clip_model.safetensors").write_bytes(b"")
    return str(path)


def test_given_weights_tell_their_geometry(tmp_path: Path) -> None:
    folder = open_clip_folder(tmp_path / "given")
    assert find_geometry(None, folder, None, None) == CONFIG
    larger = dataclasses.replace(CONFIG, image=dataclasses.replace(CONFIG.image, image_px=32))
    assert find_geometry(None, folder, None, 32) == larger
    named = written(tmp_path / "larger.json", model_config_to_json(larger))
    assert find_geometry(named, folder, None, None) == larger


def test_another_model_than_the_weights_is_refused(tmp_path: Path) -> None:
    folder = open_clip_folder(tmp_path / "given", OPEN_CLIP["model_cfg"] | {"quick_gelu": False})
    named = written(tmp_path / "quick.json", model_config_to_json(CONFIG))
    with pytest.raises(ValueError, match=r"differ: image\.activation 'quick_gelu', not 'gelu'; text\.activation"):
        find_geometry(named, folder, None, None)
    with pytest.raises(ValueError, match="an image encoder of kind ResNetConfig, not ViTConfig"):
        find_geometry("rn50", folder, None, None)


def test_tensors_alone_ask_for_a_model(tmp_path: Path) -> None:
    (tmp_path / "clip.pt").write_bytes(b"")
    with pytest.raises(ValueError, match="neither heads nor activation stand in them; give the --model"):
        find_geometry(None, str(tmp_path / "clip.pt"), None, None)
    assert find_geometry("rn50", str(tmp_path / "clip.pt"), None, None) == PRESETS["rn50"].model


def test_recipes_are_those_of_the_nearest_model_of_the_paper(tmp_path: Path) -> None:
    assert recipe_of("vit-l-14-336", PRESETS["vit-l-14-336"].model) == PRESETS["vit-l-14-336"].recipe
    huge = named_geometry(written(tmp_path / "h.json", VIT_H))
    assert recipe_of(None, huge) == PRESETS["vit-l-14"].recipe
    assert recipe_of(None, CONFIG) == PRESETS["vit-b-32"].recipe
    for width, wanted in ((64, "rn50"), (96, "rn50x16")):
        image = ResNetConfig(image_px=64, width=width, blocks=(1, 1, 1, 1))
        assert recipe_of(None, dataclasses.replace(CONFIG, image=image)) == PRESETS[wanted].recipe


def test_the_config_has_what_the_weights_tell(tmp_path: Path) -> None:
    folder = open_clip_folder(tmp_path / "given")
    config = TrainConfig(shards=("s",), output="o", init_from=folder, epochs=1.0)
    assert config.model_config == CONFIG
    assert config.recipe == dataclasses.replace(PRESETS["vit-b-32"].recipe, epochs=1.0)
    assert config.model_title == f"the model of {folder}"
