"""Progress off a terminal."""

import pytest

from trainer.telling.metrics import Metrics
from trainer.telling.reporter import Console


def row(step: int) -> Metrics:
    return Metrics(
        step=step, epoch=step / 10, samples=8 * step, loss=1 / (step + 2), logit_scale=14.3, learning_rate=1e-3,
        samples_per_s=123.456789, data_wait_share=0.25, replaced=0, gradient_norm=2.5, skipped=4 * (step > 1), mfu=None,
        memory_gb=None,
    )  # fmt: skip


def test_off_a_terminal_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.start(done_samples=0, total_samples=80, title="begin")
    for step in range(1, 11):
        console.progress(row(step))
    console.close()
    assert console.error is None
    console.stopped("why")
    assert console.error == "why"
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "begin"
    assert len(lines) == 3, "the first and the last step"
    assert lines[1].endswith("123 samples/s  1 s left")
    assert lines[2].endswith("  0 s left  4 steps skipped")
    assert lines[2].startswith("step 10 ")
