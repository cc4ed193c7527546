"""metrics.csv survives a resumption; the console is quiet off a terminal."""

from pathlib import Path

from schemas.storage import Folder
from trainer.metrics import METRICS_FILE, Metrics, MetricsTable


def row(step: int) -> Metrics:
    return Metrics(
        step=step, epoch=step / 10, samples=8 * step, loss=1 / (step + 2), logit_scale=14.3, learning_rate=1e-3,
        samples_per_s=123.456789, data_wait_share=0.25, replaced=0,
    )  # fmt: skip


def test_rows_after_the_resumed_step_are_written_anew(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    table = MetricsTable(folder, 0)
    for step in (1, 2, 3):
        table.add(row(step))
    table.write()
    text = (tmp_path / METRICS_FILE).read_text()
    assert text.splitlines()[0].startswith("step,epoch,samples,loss,logit_scale,learning_rate,samples_per_s")
    resumed = MetricsTable(folder, 2)
    assert resumed.last()["step"] == 2  # type: ignore[index]
    resumed.add(row(3))
    resumed.write()
    assert (tmp_path / METRICS_FILE).read_text() == text
