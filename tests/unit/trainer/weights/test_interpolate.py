"""WiSE-FT: each weight on the line between two models, written as a run of ours."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from schemas.storage import Folder
from tests.support.foreign_models import early_form, small_tokenizer
from tests.unit.trainer.weights.test_begin import CONFIG, TOKENIZER, write_given
from trainer.__main__ import main, parse
from trainer.model.clip import CLIP
from trainer.presets import ResNetConfig
from trainer.saving.checkpoint import write_model
from trainer.use.load import load
from trainer.weights.interpolate import between, interpolate
from trainer.weights.interpolate_config import InterpolateConfig


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path / "final" / "model.safetensors")


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_weights_lie_between(tmp_path: Path, alpha: float, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = write_given(tmp_path / "a", 1), write_given(tmp_path / "b", 2)
    output = tmp_path / "out"
    command = ["interpolate", "--from", str(first), "--to", str(second), "--alpha", str(alpha), "--output", str(output)]
    main(command)
    main(command)
    assert "is finished already: nothing to do" in capsys.readouterr().out
    left, right, found = weights(first), weights(second), weights(output)
    assert found.keys() == left.keys()
    for name, tensor in found.items():
        wanted = ((1 - alpha) * left[name].double() + alpha * right[name].double()).float()
        torch.testing.assert_close(tensor, wanted, atol=1e-7, rtol=1e-6)
    if alpha in (0.0, 1.0):
        assert all(torch.equal(tensor, (right if alpha else left)[name]) for name, tensor in found.items())
    model, _, tokenizer = load(str(output))
    assert model.config == CONFIG
    assert tokenizer.to_json() == TOKENIZER.to_json()


def test_counts_are_those_of_the_second() -> None:
    first, second = ({"x": torch.tensor(value)} for value in (3, 8))
    assert between(first, second, 0.5)["x"].item() == 8
    assert between({"x": torch.tensor(1.0)}, {"x": torch.tensor(3.0)}, 0.25)["x"].item() == 1.5


def test_two_of_another_kind_are_refused(tmp_path: Path) -> None:
    first = write_given(tmp_path / "a")
    folder = Folder(str(tmp_path / "wide"))
    write_model(folder, "final", CLIP(replace(CONFIG, embed_dim=9)), TOKENIZER)
    resnet = replace(CONFIG, image=ResNetConfig(image_px=32, width=8, blocks=(1, 1, 1, 1)))
    write_model(Folder(str(tmp_path / "resnet")), "final", CLIP(resnet), TOKENIZER)
    body = early_form(TOKENIZER)
    write_given(tmp_path / "tokens")
    (tmp_path / "tokens" / "final" / "tokenizer.json").write_bytes(body)
    for name, message in (
        ("wide", "differ: embed_dim 8, not 9"),
        ("resnet", "an image encoder of kind ViTConfig, not ResNetConfig"),
        ("tokens", "have other tokenizers"),
    ):
        config = InterpolateConfig(from_=str(first), to=str(tmp_path / name), output=str(tmp_path / "out"))
        with pytest.raises(ValueError, match=message):
            interpolate(config)
    assert not (tmp_path / "out").exists()


def test_options(tmp_path: Path) -> None:
    config = parse(["interpolate", "--from", "a", "--to", "b", "--output", "o"])
    assert (config.from_, config.to, config.alpha) == ("a", "b", 0.5)
    with pytest.raises(ValueError, match=r"alpha must be from 0 to 1, found 1\.5"):
        InterpolateConfig(from_="a", to="b", alpha=1.5, output="o")
    save_file(CLIP(CONFIG).state_dict(), tmp_path / "x.safetensors")
    config = InterpolateConfig(from_=str(tmp_path / "x.safetensors"), to="b", output="o")
    with pytest.raises(ValueError, match=r"--from: .*x\.safetensors holds tensors alone, .* with its config"):
        interpolate(config)
    assert small_tokenizer(12).to_json() == TOKENIZER.to_json()
