"""The tokenizer of a run is mended by the copy of a checkpoint whose hash says that it is the one trained with."""

import logging
from pathlib import Path

import pytest
import torch

from schemas.storage import Folder
from tests.support.foreign_models import early_form
from trainer.presets import ModelConfig, TextConfig, ViTConfig
from trainer.saving.checkpoint import write_checkpoint
from trainer.saving.run_tokenizer import mend_tokenizer
from trainer.saving.train_state import TrainState
from trainer.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer(["a red picture", "a green picture"], vocab_size=560, context_length=12)
CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=12, vocab_size=TOKENIZER.vocab_size),
)
RUN = "this run"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A run that was stopped: its tokenizer and two checkpoints."""
    folder = Folder(str(tmp_path))
    folder.write("tokenizer.json", TOKENIZER.to_json())
    for step in (3, 7):
        files = {"model.safetensors": {"w": torch.zeros(1)}}
        write_checkpoint(folder, files, CONFIG, TOKENIZER, TrainState(step=step, samples=step, replaced=0), RUN, keep=2)
    return folder


def change(folder: Folder, name: str = "tokenizer.json") -> None:
    folder.write(name, folder.read(name).replace(b'"max_length": 12', b'"max_length": 11'))


@pytest.mark.parametrize("damage", ["cut", "empty", "another kind", "no text", "missing", "changed"])
def test_it_is_taken_from_the_newest_checkpoint(folder: Folder, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    bodies = {"cut": TOKENIZER.to_json()[:-9], "empty": b"", "another kind": b"[]", "no text": b"\xff\xfe\0"}
    if damage in bodies:
        folder.write("tokenizer.json", bodies[damage])
    elif damage == "missing":
        folder.delete("tokenizer.json")
    else:
        change(folder)
    with caplog.at_level(logging.WARNING):
        mend_tokenizer(folder, RUN)
    assert folder.read("tokenizer.json") == TOKENIZER.to_json()
    (told,) = caplog.messages
    assert told.startswith(folder.path("tokenizer.json"))
    assert told.endswith("; the copy in checkpoints/step-0000007 is put in its place")


def test_a_damaged_copy_is_passed_over(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    change(folder)
    change(folder, "checkpoints/step-0000007/tokenizer.json")
    mend_tokenizer(folder, RUN)
    assert folder.read("tokenizer.json") == TOKENIZER.to_json()
    assert "step-0000003" in caplog.text


def test_of_another_runs_checkpoints_none_is_taken_and_what_cannot_be_read_is_made_again(folder: Folder) -> None:
    mend_tokenizer(folder, "another")
    assert folder.read("tokenizer.json") == TOKENIZER.to_json()
    folder.write("tokenizer.json", b"{")
    mend_tokenizer(folder, "another")
    assert not folder.exists("tokenizer.json")


def test_a_whole_one_stays_also_in_the_form_of_an_early_version(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    mend_tokenizer(folder, RUN)
    folder.write("tokenizer.json", early := early_form(TOKENIZER, undoes_references=True))
    mend_tokenizer(folder, RUN)
    assert folder.read("tokenizer.json") == early
    assert not caplog.messages


def test_before_the_first_checkpoint_there_is_none_to_mend(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mend_tokenizer(Folder(str(tmp_path)), RUN)
    assert not caplog.messages
