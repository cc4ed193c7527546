"""How workers reach the launcher's console: an actor that carries what they tell and their signs of life."""

import os
import threading
import time
from typing import Any

import ray

from trainer.record.claim import Claim
from trainer.telling.metrics import Metrics
from trainer.workers.stalls import BEAT_S, Beat, Heard, keep, stalled


class Mailbox:
    """An actor without CPU that carries the workers' progress to the launcher's console, and its claim to them."""

    def __init__(self, claim: Claim | None = None) -> None:
        self._claim = claim
        self._last_s = time.monotonic()
        """When the last worker was at work, or the run began."""
        self._is_prepared = False
        """Whether workers have begun that have made no step yet, or have ended: they give no sign."""
        self._letters: list[tuple[str, dict[str, Any]]] = []
        self._heard: dict[int, Heard] = {}
        self._is_to_stop = False

    def claim(self) -> Claim | None:
        """Return what the launcher found when it claimed the output. Not in Ray's config, which its dashboard shows."""
        self._is_prepared = True
        return self._claim

    def ended(self) -> None:
        """Take it that a worker has done all it had to do."""
        self._is_prepared = True

    def stop(self) -> None:
        """Have the workers save and stop when they next ask."""
        self._is_to_stop = True

    def is_to_stop(self) -> bool:
        return self._is_to_stop

    def waited_s(self) -> float:
        """Return for how long no worker has been at work, since the beginning or since all were gone."""
        return 0.0 if self._is_prepared else time.monotonic() - self._last_s

    def put(self, call: str, arguments: dict[str, Any]) -> None:
        self._letters.append((call, arguments))

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        letters, self._letters = self._letters, []
        return letters

    def beat(self, beat: Beat) -> None:
        self._last_s, self._is_prepared = time.monotonic(), False
        keep(self._heard, beat, self._last_s)

    def stalled(self, limit_s: float) -> tuple[list[Heard], float]:
        """Return the workers that hold up all others (`stalled`), and now by the clock that heard them.

        They are forgotten: whoever asked acts.
        """
        now_s = time.monotonic()
        culprits = stalled(self._heard, now_s, limit_s)
        if culprits:
            self._heard.clear()
        return culprits, now_s


class ToMailbox:
    """A reporter whose calls are made again on the launcher's console; never waits for it."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None:
        arguments = {"done_samples": done_samples, "total_samples": total_samples, "title": title}
        self._mailbox.put.remote("start", arguments)

    def progress(self, metrics: Metrics) -> None:
        self._mailbox.put.remote("progress", {"metrics": metrics})

    def work(self, title: str, done_bytes: int, total_bytes: int) -> None:
        self._mailbox.put.remote("work", {"title": title, "done_bytes": done_bytes, "total_bytes": total_bytes})

    def stopped(self, text: str) -> None:
        self._mailbox.put.remote("stopped", {"text": text})

    def message(self, text: str) -> None:
        self._mailbox.put.remote("message", {"text": text})

    def close(self) -> None:
        pass


class BeatingPulse:
    """A pulse whose worker gives a sign of life every `BEAT_S` from the first time it says what it does."""

    def __init__(self, mailbox: Any, rank: int, workers: int) -> None:
        self._mailbox = mailbox
        self._rank, self._workers = rank, workers
        self._node = ray.get_runtime_context().get_node_id()
        self._now = (0, "", 0)
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def at(self, step: int, doing: str) -> None:
        self._now = (step, doing, self._now[2] + 1)
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        while True:
            step, doing, done = self._now
            beat = Beat(
                rank=self._rank, workers=self._workers, node=self._node, process=os.getpid(),
                step=step, doing=doing, done=done,
            )  # fmt: skip
            self._mailbox.beat.remote(beat)
            if self._closed.wait(BEAT_S):
                return

    def close(self) -> None:
        self._closed.set()
