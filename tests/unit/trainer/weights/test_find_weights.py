"""Models are found by what lies in their folders; what cannot be one says what was expected."""

import json
from pathlib import Path

import pytest
import torch

from schemas.storage import Folder
from tests.support.foreign_models import small_tokenizer, transformers_clip, write_transformers_folder
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig, ViTConfig
from trainer.saving.checkpoint import write_model
from trainer.weights.find_weights import find_weights
from trainer.weights.normalisation import Normalisation

CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=12, vocab_size=40),
)
OPEN_CLIP = {
    "model_cfg": {
        "embed_dim": 8,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 16, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8},
        "text_cfg": {"context_length": 12, "vocab_size": 40, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.25]},
}


def test_a_folder_of_transformers(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    folder = write_transformers_folder(tmp_path / "clip", transformers_clip(CONFIG))
    found = find_weights(str(folder), "--init-from")
    assert (found.kind, found.files, found.geometry) == ("clip", ("model.safetensors",), CONFIG)
    assert found.normalisation is None
    means = {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 1]}
    (folder / "preprocessor_config.json").write_text(json.dumps(means))
    assert find_weights(str(folder), "--init-from").normalisation == Normalisation((0.1, 0.2, 0.3), (1, 1, 1))


def test_a_folder_of_open_clip(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text(json.dumps(OPEN_CLIP))
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')  # many folders hold both
    found = find_weights(str(tmp_path), "--init-from")
    assert (found.kind, found.files, found.geometry) == ("open_clip", ("open_clip_model.safetensors",), CONFIG)
    assert found.normalisation == Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.25))


@pytest.mark.parametrize("prefix", ["final", "checkpoints/step-0000007"])
def test_a_run_of_ours(tmp_path: Path, prefix: str) -> None:
    write_model(Folder(str(tmp_path)), prefix, CLIP(CONFIG), small_tokenizer(12))
    (tmp_path / prefix / "state.json").write_text('{"files": {}}')
    for path in (tmp_path, tmp_path / prefix):
        found = find_weights(str(path), "--init-from")
        assert (found.kind, found.files, found.geometry) == ("ours", ("model.safetensors",), CONFIG)
        assert found.folder.root == str(tmp_path / prefix)
        assert found.normalisation == Normalisation()


def test_a_file_is_tensors_alone(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "clip.pt")
    found = find_weights(str(tmp_path / "clip.pt"), "--init-from")
    assert (found.kind, found.files, found.geometry, found.where) == (
        "tensors",
        ("clip.pt",),
        None,
        found.folder.path("clip.pt"),
    )


def test_timm_by_its_config(tmp_path: Path) -> None:
    body = {"architecture": "vit_tiny", "pretrained_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
    (tmp_path / "config.json").write_text(json.dumps(body))
    (tmp_path / "model.safetensors").write_bytes(b"")
    found = find_weights(str(tmp_path), "--init-image-from")
    assert (found.kind, found.geometry) == ("timm", None)
    assert found.normalisation == Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no such folder"),
        ({"a.txt": ""}, "holds no model; expected the --output of a training, a folder with open_clip_config.json"),
        ({"config.json": '{"model_type": "siglip"}'}, "is of model_type 'siglip'; expected 'clip' or 'vit'"),
        ({"config.json": '{"model_type": "clip"}'}, "has no weights; expected one of model.safetensors"),
        ({"config.json": "[]"}, "expected a JSON object, found list"),
        (
            {"config.json": '{"model_type": "clip"}', "model.safetensors.index.json": '{"weight_map": {"a": "../x"}}'},
            "expected weight_map to name the files beside it",
        ),
    ],
    ids=["nothing", "no model", "another kind", "no weights", "a list", "files elsewhere"],
)
def test_what_is_no_model_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    folder = tmp_path / "model"
    for name, body in files.items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(body)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as refused:
        find_weights(str(folder), "--init-from")
    assert str(folder) in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--init-from: no such file"):
        find_weights(str(tmp_path / "clip.safetensors"), "--init-from")
