"""Progress of a worker comes to the launcher's console by letters, in order."""

from types import SimpleNamespace
from typing import Any

import pytest

from trainer.telling.metrics import Metrics
from trainer.telling.reporter import Silent
from trainer.workers.ray_mailbox import Mailbox, ToMailbox
from trainer.workers.stalls import WAITS, Beat

METRICS = Metrics(
    step=1, epoch=0.1, samples=8, loss=0.5, logit_scale=14.3, learning_rate=1e-3, samples_per_s=1.0,
    data_wait_share=0.0, replaced=0, gradient_norm=1.0, skipped=0, mfu=None, memory_gb=None,
)  # fmt: skip


def test_letters_are_taken_once_and_are_calls_of_a_reporter() -> None:
    mailbox = Mailbox()
    reporter = ToMailbox(SimpleNamespace(put=SimpleNamespace(remote=mailbox.put)))  # as Ray hands an actor out
    reporter.start(done_samples=0, total_samples=80, title="t")
    reporter.progress(METRICS)
    reporter.message("m")
    reporter.stopped("s")
    reporter.close()
    letters = mailbox.take()
    assert [call for call, _ in letters] == ["start", "progress", "message", "stopped"]
    assert mailbox.take() == []
    console: Any = Silent()
    for call, arguments in letters:
        getattr(console, call)(**arguments)
    assert letters[1][1] == {"metrics": METRICS}


def test_beats_that_stay_the_same_are_a_stall_told_once() -> None:
    mailbox = Mailbox()
    for rank, doing in enumerate([WAITS, "waits for data"]):
        mailbox.beat(Beat(rank=rank, workers=2, node="n", process=1, step=4, doing=doing, done=9))
    assert mailbox.stalled(1e6)[0] == []
    culprits, _ = mailbox.stalled(0.0)
    assert [one.beat.rank for one in culprits] == [1]
    assert mailbox.stalled(0.0)[0] == [], "whoever asked has acted"


def test_the_time_without_a_worker_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr("trainer.workers.ray_mailbox.time.monotonic", lambda: now_s[0])
    mailbox = Mailbox()
    now_s[0] = 160.0
    assert mailbox.waited_s() == 60.0
    mailbox.claim()
    now_s[0] = 4000.0
    assert mailbox.waited_s() == 0.0, "an index takes its time"
    mailbox.beat(Beat(rank=0, workers=1, node="n", process=1, step=4, doing="waits for data", done=9))
    now_s[0] = 4070.0
    assert mailbox.waited_s() == 70.0, "killed"
    mailbox.claim()
    mailbox.beat(Beat(rank=0, workers=1, node="n", process=2, step=4, doing="waits for data", done=1))
    mailbox.ended()
    now_s[0] = 4900.0
    assert mailbox.waited_s() == 0.0
