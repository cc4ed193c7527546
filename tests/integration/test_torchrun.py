"""The same command without Ray: in one process, and under torchrun, which SIGTERM stops after a whole step."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from schemas.storage import Folder
from tests.support.small_shards import write_shards
from tests.support.training_config import training_config
from tests.support.waiting import PATIENCE_S
from trainer import loop
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.step.step import train_step
from trainer.workers.without_ray import run

ROOT = Path(__file__).parents[2]
RUN = str(ROOT / "trainer" / "run.py")
TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def start(directory: Path, output: str, launcher: tuple[str, ...], *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *launcher, RUN, "--shards", "shards", "--output", output, "--model", "rn-tiny", "--device",
         "cpu", "--global-batch-size", "8", "--log-every-steps", "1", *options],
        cwd=directory, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> str:
    """Return what it told when it has ended."""
    return process.communicate(timeout=PATIENCE_S)[1]


def workers_of(torchrun: subprocess.Popen[str]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()]


@pytest.mark.slow
def test_sigterm_saves_and_stops_all_and_the_command_goes_on(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48)
    options = ("--samples", "1600", "--checkpoint-every-steps", "1000")
    stopped = start(tmp_path, "stopped", TWO, *options)
    assert stopped.stderr is not None
    told: list[str] = []
    while "2 workers, steps 0 to 200 " not in "".join(told[-1:]):
        told.append(stopped.stderr.readline())
        assert told[-1], told
    os.kill(workers_of(stopped)[1], signal.SIGTERM)
    assert "stopped by SIGTERM: a checkpoint of step " in "".join(told) + ended(stopped)
    assert stopped.returncode != 0
    (step,) = find_checkpoints(Folder(str(tmp_path / "stopped")))
    assert step < 200

    for output in ("stopped", "whole"):
        again = start(tmp_path, output, TWO, *options)
        assert "200 steps, 1,600 samples in " in ended(again)
        assert again.returncode == 0
    wanted, found = (load_file(tmp_path / name / "final" / "model.safetensors") for name in ("whole", "stopped"))
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)


@pytest.mark.slow
def test_more_processes_than_micro_batches_are_refused_in_a_line_before_the_output_is_claimed(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48)
    refused = ended(start(tmp_path, "out", (*TWO[:-1], "--nproc-per-node=3"), "--micro-batch", "4"))
    assert "error: each of 3 workers takes at least one micro_batch of a ResNet" in refused
    assert "trainer/workers/without_ray.py" not in refused
    assert not (tmp_path / "out").exists()


def test_one_process_without_ray(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48)
    options = ("--launcher", "none", "--epochs", "2")
    told = ended(start(tmp_path, "out", (), *options))
    assert "12 steps, 96 samples in " in told
    assert "finished already: nothing to do" in ended(start(tmp_path, "out", (), *options))


def test_sigterm_in_the_last_step_leaves_a_finished_run_and_promises_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_notice(*arguments: Any, step: int, **options: Any) -> Any:
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return train_step(*arguments, step=step, **options)

    monkeypatch.setattr(loop, "train_step", with_notice)
    config = training_config(
        tmp_path, "out", 24, model="vit-tiny", global_batch_size=8, epochs=1.0, device="cpu", launcher="none",
        log_every_steps=1,
    )  # fmt: skip
    run(config)
    told = capsys.readouterr().err
    assert "3 steps, 24 samples in " in told
    assert "SIGTERM" not in told
