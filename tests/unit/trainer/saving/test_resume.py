"""A run goes on from its newest whole checkpoint; damaged ones after it are told of and are none any more."""

import logging
from pathlib import Path

import pytest
import torch

from schemas.storage import Folder
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.optim.loss_scale import LossScaler
from trainer.presets import ModelConfig, TextConfig, ViTConfig, find_preset
from trainer.saving.checkpoint import state_tensors, write_checkpoint
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.saving.resume import resume
from trainer.saving.train_state import TrainState
from trainer.saving.trained import Trained
from trainer.tokenizer import train_tokenizer
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))
TOKENIZER = train_tokenizer(["a red picture"], vocab_size=540, context_length=12)
CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=12, vocab_size=TOKENIZER.vocab_size),
)


def made(seed: int) -> tuple[CLIP, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = CLIP(CONFIG)
    return model, make_optimizer(model, find_preset("vit-tiny").recipe)


def write(folder: Folder, step: int) -> CLIP:
    model, optimizer = made(step)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    state = TrainState(step=step, samples=8 * step, replaced=0, skipped=step)
    write_checkpoint(folder, state_tensors(model, optimizer), CONFIG, TOKENIZER, state, "this run", keep=9)
    return model


def files(folder: Path, step: int) -> Path:
    return folder / "checkpoints" / f"step-{step:07d}"


def test_without_any_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    model, optimizer = made(0)
    assert resume(Folder(str(tmp_path)), Trained(model, optimizer), "this run", ONE) is None


@pytest.mark.parametrize("damage", ["weights", "statistics", "missing", "cut state", "empty state", "step of state"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = Folder(str(tmp_path))
    wanted = write(folder, 3)
    write(folder, 5)
    path = files(tmp_path, 5) / ("optimizer.safetensors" if damage == "statistics" else "model.safetensors")
    if damage == "missing":
        path.unlink()
    elif damage.endswith(" state"):
        (files(tmp_path, 5) / "state.json").write_bytes(b"{" if damage == "cut state" else b"{}")
    elif damage == "step of state":
        text = (files(tmp_path, 5) / "state.json").read_text()
        (files(tmp_path, 5) / "state.json").write_text(text.replace('"step": 5', '"step": "5"'))
    else:
        path.write_bytes(path.read_bytes()[:-3])
    model, optimizer = made(1)
    with caplog.at_level(logging.WARNING):
        state = resume(folder, Trained(model, optimizer), "this run", ONE)
    assert state == TrainState(step=3, samples=24, replaced=0, skipped=3)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), wanted.parameters(), strict=True))
    assert "step-0000005" in caplog.text
    assert "goes on from step 3" in caplog.text
    assert find_checkpoints(folder) == [3]
    assert (files(tmp_path, 5) / "state.json.damaged").exists()
    write(folder, 5)
    assert find_checkpoints(folder) == [3, 5]


def test_where_none_is_whole_all_are_named_and_what_is_left(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    for step in (3, 5, 8):
        write(folder, step)
    (files(tmp_path, 3) / "model.safetensors").write_bytes(b"")
    (files(tmp_path, 5) / "optimizer.safetensors").unlink()
    (files(tmp_path, 8) / "state.json").write_bytes(b"{}")
    with pytest.raises(ValueError, match="all 3 checkpoints are damaged") as refused:
        resume(folder, Trained(*made(1)), "this run", ONE)
    told = str(refused.value)
    for part in (
        "0008/state.json: version is missing",
        "0005/optimizer.safetensors",
        "0003/model.safetensors: its SHA",
    ):
        assert f"checkpoints/step-000{part}" in told
    assert told.endswith(f"or delete {tmp_path}/checkpoints and run the same command again: it begins anew, at step 0")
    assert "\n" not in told
    assert "before" not in told
    assert find_checkpoints(folder) == [3, 5, 8]
    folder.delete("checkpoints")
    assert resume(folder, Trained(*made(1)), "this run", ONE) is None


def test_where_the_only_one_is_damaged_no_other_is_promised(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    write(folder, 3)
    (files(tmp_path, 3) / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=r"the only checkpoint is damaged, nothing is left to go on from: .* begins"):
        resume(folder, Trained(*made(1)), "this run", ONE)


def test_a_state_without_the_loss_scale_of_float16_is_passed_over(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    model, optimizer = made(0)
    scale = {"scale": 512.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000, "_growth_tracker": 7}
    for step, told in ((3, scale), (5, None)):
        state = TrainState(step=step, samples=8 * step, replaced=0, loss_scale=told)
        write_checkpoint(folder, state_tensors(model, optimizer), CONFIG, TOKENIZER, state, "this run", keep=9)
    scaler = LossScaler("cpu")
    state = resume(folder, Trained(*made(1), scaler=scaler), "this run", ONE)
    assert state is not None
    assert (state.step, scaler.state_dict()) == (3, scale)


@pytest.mark.parametrize("body", ['{"version": 2}', '{"version": 2, "identity": "this run"}'])
def test_a_newest_one_of_another_version_is_refused_whatever_is_older(tmp_path: Path, body: str) -> None:
    folder = Folder(str(tmp_path))
    for step in (3, 5):
        write(folder, step)
    (files(tmp_path, 5) / "state.json").write_text(body)
    with pytest.raises(ValueError, match=r"step-0000005/state\.json: state version 2, this program resumes 1"):
        resume(folder, Trained(*made(1)), "this run", ONE)
    assert find_checkpoints(folder) == [3, 5]


def test_another_run_is_refused_whatever_is_older(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    write(folder, 3)
    model, optimizer = made(1)
    with pytest.raises(ValueError, match="belongs to another run"):
        resume(folder, Trained(model, optimizer), "other", ONE)
