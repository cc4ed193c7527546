"""Runs with --parallel fsdp under torchrun: they end, and go on with other workers, sharded or not."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from schemas.storage import Folder
from tests.support.small_shards import COLOURS, picture, write_shards
from tests.support.waiting import PATIENCE_S
from trainer.evaluate.config import ZeroShotConfig
from trainer.evaluate.zero_shot import evaluate
from trainer.saving.checkpoint_folders import find_checkpoints

ROOT = Path(__file__).parents[2]
RUN = str(ROOT / "trainer" / "run.py")
STEPS, STOPPED = 6, 3


def start(directory: Path, output: str, parallel: str, workers: int, *options: str) -> subprocess.Popen[str]:
    launcher = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}")
    return subprocess.Popen(
        [sys.executable, *launcher, RUN, "--launcher", "none", "--shards", "shards", "--output", output,
         "--device", "cpu", "--parallel", parallel, "--global-batch-size", "12", "--epochs", "1.5",
         "--warmup-steps", "2", "--log-every-steps", "1", *options],
        cwd=directory, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(directory: Path, output: str, parallel: str, workers: int, *options: str) -> None:
    started = start(directory, output, parallel, workers, *options)
    told = started.communicate(timeout=PATIENCE_S)[1]
    assert started.returncode == 0, told[-4000:]


def column(output: Path, name: str) -> list[float]:
    return [float(row[name]) for row in csv.DictReader((output / "metrics.csv").open())]


def top1(directory: Path, output: str, weights: str) -> float:
    """Return what `trainer evaluate zero-shot` finds for the run's last weights or averages."""
    told = evaluate(
        ZeroShotConfig(
            checkpoint=str(directory / output), weights=weights, dataset=str(directory / "images"),  # type: ignore[arg-type]
            classes=str(directory / "classes.txt"), templates=str(directory / "templates.txt"),
        )
    )  # fmt: skip
    return float(told["top1"])


def write_inputs(directory: Path) -> None:
    write_shards(directory / "shards", 48)
    write_shards(directory / "held-out", 20)
    for number, colour in enumerate(COLOURS):
        (directory / "images" / colour).mkdir(parents=True)
        (directory / "images" / colour / "0.png").write_bytes(picture(100 + number))
    (directory / "classes.txt").write_text("\n".join(COLOURS))
    (directory / "templates.txt").write_text("a {} picture\n")


OPTIONS = {
    # BatchNorm sees four rows on any workers; of two workers one has four rows, the other two micro-batches
    "rn-tiny": ("--micro-batch", "4", "--ema-decay", "0.9"),
    "vit-tiny": (
        "--activation-checkpointing", "blocks", "--clip-gradient-norm", "1", "--ema-decay", "0.9",
        "--evaluate-every-steps", "2", "--evaluate-shards", "held-out", "--evaluate-samples", "20",
        "--evaluate-batch-size", "5", "--keep-best", "image_to_text_r5",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("model", OPTIONS)
def test_shards_train_to_the_end_and_go_on_with_other_workers(tmp_path: Path, model: str) -> None:
    write_inputs(tmp_path)
    options = ("--model", model, *OPTIONS[model])
    run(tmp_path, "ddp", "ddp", 2, *options)
    run(tmp_path, "whole", "fsdp", 2, *options)
    run(tmp_path, "stopped", "fsdp", 2, *options, "--stop-after-steps", str(STOPPED))
    assert find_checkpoints(Folder(str(tmp_path / "stopped")))[-1] == STOPPED
    assert (tmp_path / "stopped" / "checkpoints" / f"step-{STOPPED:07d}" / "model-00002-of-00002.safetensors").exists()
    assert not (tmp_path / "stopped" / "final").exists()
    for parallel, workers in (("fsdp", 3), ("ddp", 2)):
        shutil.copytree(tmp_path / "stopped", tmp_path / f"{parallel}-{workers}")
        run(tmp_path, f"{parallel}-{workers}", parallel, workers, *options)

    wanted = load_file(tmp_path / "ddp" / "final" / "model.safetensors")
    for output in ("whole", "fsdp-3", "ddp-2"):
        for name in ("loss", "gradient_norm"):
            found = column(tmp_path / output, name)
            assert len(found) == STEPS
            assert found == pytest.approx(column(tmp_path / "ddp", name), rel=1e-3), (output, name)
        weights = load_file(tmp_path / output / "final" / "model.safetensors")
        assert {name: one.shape for name, one in weights.items()} == {name: one.shape for name, one in wanted.items()}
        assert all(torch.isfinite(one).all() for one in weights.values())
        for kind in ("trained", "ema"):
            assert top1(tmp_path, output, kind) == pytest.approx(top1(tmp_path, "ddp", kind), abs=0.26)


@pytest.mark.slow
def test_sigterm_saves_the_shards_and_another_number_of_workers_goes_on(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48)
    options = ("--model", "vit-tiny", "--epochs", "30", "--checkpoint-every-steps", "1000")
    stopped = start(tmp_path, "out", "fsdp", 2, *options)
    assert stopped.stderr is not None
    told = ""
    while "step " not in told:
        line = stopped.stderr.readline()
        assert line, told
        told += line
    stopped.send_signal(signal.SIGTERM)  # to torchrun, which hands it on, as Slurm's scancel does
    told += stopped.communicate(timeout=PATIENCE_S)[1]
    assert "stopped by SIGTERM: a checkpoint of step " in told
    assert stopped.returncode != 0
    (step,) = find_checkpoints(Folder(str(tmp_path / "out")))
    assert 1 <= step < 120
    checkpoint = tmp_path / "out" / "checkpoints" / f"step-{step:07d}"
    assert (checkpoint / "model-00002-of-00002.safetensors").exists()

    run(tmp_path, "out", "fsdp", 3, *options, "--stop-after-steps", "3")
    assert column(tmp_path / "out", "step") == list(range(1, step + 4))
    assert find_checkpoints(Folder(str(tmp_path / "out")))[-1] == step + 3
    run(tmp_path, "whole", "fsdp", 3, *options, "--stop-after-steps", str(step + 3))
    for name in ("loss", "gradient_norm"):
        assert column(tmp_path / "out", name) == pytest.approx(column(tmp_path / "whole", name), rel=1e-3)
