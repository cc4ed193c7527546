"""One way to load: what our runs, other projects' folders and files of tensors hold becomes the same model."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.foreign_models import small_tokenizer, write_vocabulary
from tests.unit.trainer.weights.test_begin import CONFIG, TOKENIZER, write_given
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, ResNetConfig, TextConfig, ViTConfig
from trainer.weights.form.open_clip_names import open_clip_source
from trainer.weights.form.openai_geometry import openai_geometry
from trainer.weights.read_model import read_model

VIT = ModelConfig(
    embed_dim=24,
    image=ViTConfig(image_px=32, patch_px=8, width=64, layers=3, heads=1),
    text=TextConfig(width=128, layers=2, heads=2, context_length=12, vocab_size=TOKENIZER.vocab_size),
)
RESNET = replace(VIT, image=ResNetConfig(image_px=64, width=64, blocks=(1, 2, 1, 1)))


def released(config: ModelConfig) -> dict[str, torch.Tensor]:
    """Return random weights as OpenAI's files hold them: half precision, and three numbers beside."""
    found = {}
    for ours, tensor in CLIP(config).state_dict().items():
        found[open_clip_source(ours).names[0]] = tensor.half() if tensor.is_floating_point() else tensor
    numbers = (config.image.image_px, config.text.context_length, config.text.vocab_size)
    marks = zip(("input_resolution", "context_length", "vocab_size"), map(torch.tensor, numbers), strict=True)
    return found | dict(marks)


@pytest.mark.parametrize("config", [VIT, RESNET], ids=["vit", "resnet"])
def test_openais_tensors_tell_their_geometry(tmp_path: Path, config: ModelConfig) -> None:
    tensors = released(config)
    torch.save(tensors, tmp_path / "clip.pt")
    write_vocabulary(tmp_path, TOKENIZER)
    read = read_model(str(tmp_path / "clip.pt"), "--checkpoint")
    assert read.geometry == config
    assert read.tensors.keys() == CLIP(config).state_dict().keys()
    assert torch.equal(read.tensors["logit_scale"], tensors["logit_scale"].float())
    assert openai_geometry({name: tensor for name, tensor in tensors.items() if name != "vocab_size"}) is None


def test_tensors_alone_take_a_model(tmp_path: Path) -> None:
    given = write_given(tmp_path / "given") / "final"
    save_file(load_file(given / "model.safetensors"), tmp_path / "x.safetensors")
    (tmp_path / "tokenizer.json").write_bytes(TOKENIZER.to_json())
    with pytest.raises(ValueError, match=r"--checkpoint: .*x\.safetensors holds tensors alone.* give the --model"):
        read_model(str(tmp_path / "x.safetensors"), "--checkpoint")
    read = read_model(str(tmp_path / "x.safetensors"), "--checkpoint", model=str(given / "config.json"))
    assert read.geometry == CONFIG
    assert read.inputs[0]["name"] == "checkpoint/x.safetensors"


def test_a_geometry_that_differs_is_named(tmp_path: Path) -> None:
    given = write_given(tmp_path / "given")
    with pytest.raises(ValueError, match=r"--model vit-b-32 and --checkpoint .* differ: embed_dim 512, not 8"):
        read_model(str(given), "--checkpoint", model="vit-b-32")


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    given = write_given(tmp_path / "given") / "final"
    larger = json.loads(small_tokenizer(12).to_json())
    larger["model"]["vocab"]["zzz"] = 9999
    (given / "tokenizer.json").write_text(json.dumps(larger))
    with pytest.raises(ValueError, match=r"--checkpoint: the tokenizer of .* tokens, the text encoder"):
        read_model(str(given), "--checkpoint")


def test_others_have_no_averages(tmp_path: Path) -> None:
    torch.save(released(VIT), tmp_path / "clip.pt")
    with pytest.raises(FileNotFoundError, match=r"clip\.pt has no averages; expected a run of ours with --ema-decay"):
        read_model(str(tmp_path / "clip.pt"), "--checkpoint", averaged=True)
