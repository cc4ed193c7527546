"""A run whose disk is full ends by a line with file, room and where it goes on, keeps no piece, and goes on there."""

import dataclasses
import errno
import math
import re
from pathlib import Path

import pytest
import torch

from schemas.storage import Folder
from tests.support.file_limit import file_limit
from tests.support.training_config import training_config
from trainer.loop import train
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.presets import find_preset
from trainer.saving.checkpoint import state_tensors
from trainer.saving.trained import Trained
from trainer.saving.write_failure import checkpoint_bytes, telling_write_failures
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))


def sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def test_a_run_on_a_full_disk_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    config = training_config(
        tmp_path, "out", 16, model="vit-tiny", global_batch_size=8, samples=24, device="cpu", launcher="none",
        checkpoint_every_steps=1,
    )  # fmt: skip
    train(dataclasses.replace(config, stop_after_steps=1), ONE, Silent())
    written = sizes(tmp_path / "out" / "checkpoints" / "step-0000001")
    between = (written["model.safetensors"] + written["optimizer.safetensors"]) // 2
    with file_limit(between), pytest.raises(OSError, match=r"it goes on from step 1$") as failed:
        train(config, ONE, Silent())
    told = str(failed.value)
    assert told.startswith(f"{tmp_path}/out/checkpoints/step-0000002/optimizer.safetensors: File too large; ")
    megabytes = re.search(r"a checkpoint takes ([\d.]+) MB, [\d.,]+ MB are free; make room", told)
    assert megabytes is not None
    assert math.isclose(float(megabytes[1]), sum(written.values()) / 1e6, rel_tol=0.05)
    assert [path.name for path in (tmp_path / "out" / "checkpoints").iterdir()] == ["step-0000001"]
    with file_limit(between // 4), pytest.raises(OSError, match=r"checkpoints/step-0000002/model\.safetensors: File"):
        train(config, ONE, Silent())
    metrics = train(config, ONE, Silent())
    assert metrics is not None
    assert (metrics.step, (tmp_path / "out" / "manifest.json").exists()) == (3, True)


def test_before_the_first_checkpoint_it_begins_anew_and_other_errors_stay(tmp_path: Path) -> None:
    preset = find_preset("vit-tiny")
    model = CLIP(preset.model)
    trained = Trained(model, make_optimizer(model, preset.recipe))
    files = state_tensors(model, trained.optimizer)
    assert checkpoint_bytes(trained) == sum(one.nbytes for tensors in files.values() for one in tensors.values())
    folder = Folder(str(tmp_path))
    full = OSError(errno.ENOSPC, "No space left on device", "/a/metrics.csv")
    with pytest.raises(OSError, match=r"^/a/metrics\.csv: No space left .*: it begins anew, as no checkpoint was"):
        fail(folder, trained, full)
    for other in (FileNotFoundError(errno.ENOENT, "gone", "/a"), TimeoutError("part 2 was not written")):
        with pytest.raises(OSError, match=re.escape(str(other))) as failed:
            fail(folder, trained, other)
        assert failed.value is other


def fail(folder: Folder, trained: Trained, error: OSError) -> None:
    with telling_write_failures(folder, trained):
        raise error
