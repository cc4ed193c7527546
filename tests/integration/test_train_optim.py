"""Whole runs with the optimizer's options: each has its effect, and a run that is resumed ends with the same bits."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from schemas.manifest import read_files
from schemas.storage import Folder
from tests.support.training_config import training_config
from trainer.config import TrainConfig
from trainer.loop import train
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.telling.reporter import Silent
from trainer.use.load import load
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))
HALF = {"adam_statistics": "bfloat16", "text_weights": "bfloat16", "precision": "bfloat16"}
OTHERS = {
    "schedule": "constant-cooldown", "cooldown_samples": 40, "final_learning_rate": 1e-5, "layer_decay": 0.75,
    "text_learning_rate": 5e-4, "clip_gradient_norm": 1.0, "ema_decay": 0.9,
}  # fmt: skip


PLAIN = {
    "model": "vit-tiny", "samples": 80, "global_batch_size": 8, "warmup_steps": 1, "log_every_steps": 1,
}  # fmt: skip


def make_config(tmp_path: Path, name: str, **changes: object) -> TrainConfig:
    return training_config(tmp_path, name, 40, **(PLAIN | changes))


def column(config: TrainConfig, name: str) -> list[float]:
    rows = csv.DictReader((Path(config.output) / "metrics.csv").read_text().splitlines())
    return [float(row[name]) for row in rows]


def tensors(config: TrainConfig, name: str) -> dict[str, torch.Tensor]:
    return load_file(Path(config.output) / name)


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize(
    "precision",
    [pytest.param(HALF, id="halves"), pytest.param({"precision": "float16"}, id="float16", marks=pytest.mark.slow)],
)
def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path, precision: dict[str, str]) -> None:
    options = OTHERS | precision | {"samples": 48}
    whole = make_config(tmp_path, "whole", **options)
    train(whole, ONE, Silent())
    parts = make_config(tmp_path, "parts", stop_after_steps=3, **options)
    for _ in range(2):
        train(parts, ONE, Silent())
    np.testing.assert_array_equal(column(parts, "loss"), column(whole, "loss"))  # nan where all steps were left out
    for name in ("final/model.safetensors", "final-ema/model.safetensors"):
        assert_equal(tensors(parts, name), tensors(whole, name))
    last = f"checkpoints/step-{find_checkpoints(Folder(whole.output))[-1]:07d}"
    for name in ("optimizer.safetensors", "ema.safetensors"):
        assert_equal(tensors(parts, f"{last}/{name}"), tensors(whole, f"{last}/{name}"))
    scales = [
        json.loads((Path(run.output) / last / "state.json").read_text()).get("loss_scale") for run in (whole, parts)
    ]
    assert scales[0] == scales[1]
    assert (scales[0] is None) == (precision["precision"] != "float16")


def test_each_option_has_its_effect(tmp_path: Path) -> None:
    config = make_config(tmp_path, "run", **OTHERS, **HALF)
    train(config, ONE, Silent())
    rates = column(config, "learning_rate")
    assert rates == pytest.approx([2e-3] * 5 + [2e-3 - (2e-3 - 1e-5) * part / 5 for part in (1, 2, 3, 4, 5)], rel=1e-5)
    last = f"checkpoints/step-{find_checkpoints(Folder(config.output))[-1]:07d}"
    statistics = tensors(config, f"{last}/optimizer.safetensors")
    assert {value.dtype for name, value in statistics.items() if name.startswith("exp_avg")} == {torch.bfloat16}
    weights, averages = tensors(config, "final/model.safetensors"), tensors(config, "final-ema/model.safetensors")
    name = "text_encoder.transformer.resblocks.0.mlp.c_fc.weight"
    assert weights[name].dtype == torch.bfloat16
    assert weights["text_encoder.ln_final.weight"].dtype == torch.float32
    assert not torch.equal(weights[name], averages[name])
    noted = {record.name for record in read_files(Folder(config.output))}
    assert {"final-ema/model.safetensors", "final/model.safetensors"} <= noted
    trained, averaged = (load(config.output, averaged=which)[0].state_dict() for which in (False, True))
    assert torch.equal(trained[name], weights[name].float())
    assert torch.equal(averaged[name], averages[name].float())
    of_checkpoint = load(f"{config.output}/{last}", averaged=True)[0].state_dict()
    assert torch.equal(of_checkpoint[name], tensors(config, f"{last}/ema.safetensors")[name])


def test_without_averages_none_are_loaded(tmp_path: Path) -> None:
    config = make_config(tmp_path, "run", stop_after_steps=1)
    train(config, ONE, Silent())
    with pytest.raises(FileNotFoundError, match=r"--weights ema: .*step-0000001 has no ema\.safetensors; expected"):
        load(config.output, averaged=True)
