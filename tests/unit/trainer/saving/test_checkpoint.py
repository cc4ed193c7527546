"""Checkpoints are used only as they were written: any damage of their files is one line that says what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from tests.support.foreign_models import early_form
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.presets import ModelConfig, TextConfig, ViTConfig, find_preset
from trainer.saving.checkpoint import read_checkpoint, state_tensors, write_checkpoint, write_model
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.saving.train_state import Best, TrainState
from trainer.tokenizer import train_tokenizer
from trainer.use.load import load

TOKENIZER = train_tokenizer(["a red picture", "a green picture"], vocab_size=560, context_length=12)
CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=12, vocab_size=TOKENIZER.vocab_size),
)
STATE = TrainState(step=7, samples=56, replaced=1)


def fresh(seed: int = 0) -> tuple[CLIP, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = CLIP(CONFIG)
    return model, make_optimizer(model, find_preset("vit-tiny").recipe)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that was stopped: two checkpoints and its tokenizer."""
    folder = Folder(str(tmp_path / "run"))
    model, optimizer = fresh()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    folder.write("tokenizer.json", TOKENIZER.to_json())
    for step in (3, 7):
        state = TrainState(step=step, samples=8 * step, replaced=1)
        write_checkpoint(folder, state_tensors(model, optimizer), CONFIG, TOKENIZER, state, "this run", keep=2)
    return tmp_path / "run"


def resume(run: Path) -> tuple[CLIP, TrainState]:
    model, optimizer = fresh(seed=1)
    state = read_checkpoint(Folder(str(run)), 7, model, optimizer, "this run")
    assert optimizer.state
    return model, state


def flip(path: Path, place: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)


def test_a_whole_checkpoint_resumes_and_evaluates(run: Path) -> None:
    model, state = resume(run)
    loaded, _, tokenizer = load(str(run))
    assert state == STATE
    resumed, evaluated = model.state_dict(), loaded.state_dict()
    assert all(torch.equal(resumed[name], evaluated[name]) for name in (*resumed, *evaluated))
    assert tokenizer.to_json() == TOKENIZER.to_json()


@pytest.mark.parametrize("place", [8, 200, -1000, -1], ids=["header", "names", "weights", "last byte"])
@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors"])
def test_damaged_weights_do_not_resume(run: Path, name: str, place: int) -> None:
    path = run / "checkpoints" / "step-0000007" / name
    flip(path, place)
    with pytest.raises(ValueError, match="SHA-256") as refused:
        resume(run)
    assert str(refused.value) == (
        f"{path}: its SHA-256 is not the one that state.json holds, so it is damaged or was changed; delete "
        f"{path.parent} and run the same command again: it goes on from an older checkpoint, or "
        "begins anew where there is none"
    )


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors"])
def test_weights_cut_in_half_do_not_resume(run: Path, name: str) -> None:
    path = run / "checkpoints" / "step-0000007" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=f"{name}: its SHA-256 is not the one"):
        resume(run)


def test_another_tokenizer_of_the_run_does_not_resume(run: Path) -> None:
    path = run / "tokenizer.json"
    path.write_text(path.read_text().replace('"max_length": 12', '"max_length": 11'))
    with pytest.raises(ValueError, match=r"run/tokenizer\.json: its SHA-256"):
        resume(run)


def test_a_run_whose_tokenizer_is_of_an_early_version_goes_on(run: Path) -> None:
    (run / "tokenizer.json").write_bytes(early_form(TOKENIZER, undoes_references=True))
    assert resume(run)[1] == STATE


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_no_damaged_file_of_a_checkpoint_is_evaluated(run: Path, name: str) -> None:
    path = run / "checkpoints" / "step-0000007" / name
    flip(path, -3)
    for asked in (run, path.parent):
        with pytest.raises(ValueError, match="SHA-256") as refused:
            load(str(asked))
        assert str(refused.value).startswith(f"{path}: its SHA-256 is not the one that state.json holds")
        assert str(refused.value).endswith("restore the file, or give another --checkpoint")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_no_damaged_file_of_a_final_model_is_evaluated(tmp_path: Path, name: str) -> None:
    folder = Folder(str(tmp_path / "run"))
    start_run(folder, RunRecord(command="trainer run", config={}))
    records = write_model(folder, "final", fresh()[0], TOKENIZER)
    write_manifest(folder, "checkpoint", records, rows=1, identity="x", summary={})
    load(folder.url)
    shutil.copytree(f"{folder.url}/final", tmp_path / "alone")
    load(str(tmp_path / "alone"))  # a copy without the run's notes
    flip(Path(folder.path(f"final/{name}")), -3)
    for asked in (folder.url, f"{folder.url}/final"):
        with pytest.raises(ValueError, match=f"final/{name}: its SHA-256 .* the run's file list holds"):
            load(asked)


def test_a_folder_named_final_of_something_else_is_taken_as_it_is(tmp_path: Path) -> None:
    write_model(Folder(str(tmp_path)), "final", fresh()[0], TOKENIZER)
    (tmp_path / "manifest.json").write_text('{"kind": "mine"}')
    load(str(tmp_path / "final"))


KEYS = ["version", "identity", "step", "samples", "replaced"]


def change_state(run: Path, change: Callable[[dict[str, object]], object]) -> str:
    path = run / "checkpoints" / "step-0000007" / "state.json"
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))
    return str(path)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [None, "x", [], 1.5], ids=["null", "text", "list", "fraction"])
def test_a_state_without_a_key_or_with_another_kind_of_value_is_one_line(run: Path, key: str, value: object) -> None:
    if key != "identity" or value != "x":
        path = change_state(run, lambda body: body.update({key: value}))
        with pytest.raises(ValueError, match=key) as refused:
            resume(run)
        assert str(refused.value).startswith(f"{path}: {key} should be")
    path = change_state(run, lambda body: body.pop(key))
    with pytest.raises(ValueError, match=f"{key} is missing; expected the state of a checkpoint") as refused:
        resume(run)
    assert str(refused.value).startswith(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([], id="list"),
        pytest.param({"model.safetensors": "ab"}, id="no row"),
        pytest.param({"model.safetensors": [1]}, id="short row"),
        pytest.param({"model.safetensors": [1, 2]}, id="no hash"),
    ],
)
def test_notes_of_another_kind_are_one_line(run: Path, files: object) -> None:
    path = change_state(run, lambda body: body.update(files=files))
    for read in (lambda: resume(run), lambda: load(str(run))):
        with pytest.raises(ValueError, match="files") as refused:
            read()
        assert str(refused.value).startswith(f"{path}: files")


def test_a_checkpoint_that_noted_nothing_still_reads(run: Path) -> None:
    change_state(run, lambda body: body.pop("files"))
    assert resume(run)[1] == STATE
    load(str(run))


def test_a_step_that_is_not_its_folders_is_refused(run: Path) -> None:
    change_state(run, lambda body: body.update(step=8))
    with pytest.raises(ValueError, match="step 8 in a folder of step 7"):
        resume(run)


def test_another_run_or_version_is_refused(run: Path) -> None:
    change_state(run, lambda body: body.update(identity="other"))
    with pytest.raises(ValueError, match="belongs to another run"):
        resume(run)
    change_state(run, lambda body: body.update(version=2))
    with pytest.raises(ValueError, match="state version 2, this program resumes 1"):
        resume(run)


def test_the_best_is_kept_beside_the_latest(run: Path) -> None:
    folder, (model, optimizer) = Folder(str(run)), fresh()
    for step, best in ((9, 9), (11, 9), (13, 9), (15, 15), (17, 15)):
        told = Best(step=best, measure="zero_shot_top1", value=0.5)
        state = TrainState(step=step, samples=8 * step, replaced=1, skipped=2, best=told)
        write_checkpoint(folder, state_tensors(model, optimizer), CONFIG, TOKENIZER, state, "this run", keep=1)
        assert find_checkpoints(folder) == sorted({best, step})
    assert read_checkpoint(folder, 17, model, optimizer, "this run") == state


def test_statistics_keep_their_type(run: Path) -> None:
    model, optimizer = fresh()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for values in optimizer.state.values():
        values["exp_avg"] = values["exp_avg"].bfloat16()
    state = TrainState(step=9, samples=72, replaced=0)
    folder = Folder(str(run))
    write_checkpoint(folder, state_tensors(model, optimizer), CONFIG, TOKENIZER, state, "this run", keep=2)
    other, resumed = fresh(seed=1)
    read_checkpoint(folder, 9, other, resumed, "this run")
    assert {values["exp_avg"].dtype for values in resumed.state.values()} == {torch.bfloat16}
    assert {values["exp_avg_sq"].dtype for values in resumed.state.values()} == {torch.float32}
