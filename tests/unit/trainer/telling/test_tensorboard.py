"""TensorBoard's own reader finds the rows, and of a resumed run each step once."""

from pathlib import Path

import pytest

from schemas.storage import Folder
from trainer.telling.metrics import Metrics

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")


def row(step: int, loss: float) -> Metrics:
    return Metrics(
        step=step, epoch=step / 10, samples=8 * step, loss=loss, logit_scale=14.3, learning_rate=1e-3,
        samples_per_s=123.4, data_wait_share=0.25, replaced=0, gradient_norm=2.5, skipped=0, mfu=None, memory_gb=None,
    )  # fmt: skip


def test_its_own_reader_finds_what_was_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from trainer.telling.tensorboard import DIRECTORY, TensorBoard

    folder = Folder(str(tmp_path))
    first = TensorBoard(folder, 0)
    for step in range(1, 5):
        first.row(row(step, loss=step / 8))
    first.evaluated(4, {"zero_shot_top1": 0.5})
    first.flush()  # killed: never closed
    resumed = TensorBoard(folder, 2)
    for step in range(3, 6):
        resumed.row(row(step, loss=step / 16))
    resumed.close()
    events = EventAccumulator(str(tmp_path / DIRECTORY)).Reload()
    found = [(event.step, event.value) for event in events.Scalars("train/loss")]
    assert found == [(1, 0.125), (2, 0.25), (3, 3 / 16), (4, 0.25), (5, 5 / 16)]
    assert "train/mfu" not in events.Tags()["scalars"]
    assert {"train/gradient_norm", "train/skipped", "train/data_wait_share"} <= {*events.Tags()["scalars"]}
