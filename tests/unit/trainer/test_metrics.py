"""metrics.csv survives a resumption; the console is quiet off a terminal."""

from pathlib import Path

import pytest

from schemas.storage import Folder
from trainer.metrics import METRICS_FILE, Metrics, MetricsTable
from trainer.reporter import Console


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


def test_off_a_terminal_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.start(done_samples=0, total_samples=80, title="begin")
    for step in range(1, 11):
        console.progress(row(step))
    console.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "begin"
    assert len(lines) == 3, "the first and the last step"
    assert lines[1].endswith("123 samples/s  1 s left")
    assert lines[2].startswith("step 10 ")
