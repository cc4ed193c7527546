"""An offline run of Weights & Biases holds the rows: its own reader finds them."""

from pathlib import Path

import pytest

from schemas.storage import Folder
from trainer.telling.metrics import Metrics

wandb = pytest.importorskip("wandb", reason="the extra wandb is not installed")


def row(step: int) -> Metrics:
    return Metrics(
        step=step, epoch=step / 10, samples=8 * step, loss=1 / step, logit_scale=14.3, learning_rate=1e-3,
        samples_per_s=123.4, data_wait_share=0.25, replaced=0, gradient_norm=2.5, skipped=0, mfu=None, memory_gb=None,
    )  # fmt: skip


def test_an_offline_run_is_written_beside_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.telling.wandb_run import WandbRun

    monkeypatch.setenv("WANDB_MODE", "offline")
    sink = WandbRun(Folder(str(tmp_path)), "a-project", "identity", {"model": "vit-tiny"})
    for step in (1, 2):
        sink.row(row(step))
    sink.evaluated(2, {"zero_shot_top1": 0.5})
    sink.close()
    wandb.teardown()  # ends the process that writes
    (written,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    data = written.read_bytes()
    assert b"train/loss" in data
    assert b"evaluate/zero_shot_top1" in data
    assert b"a-project" in data
