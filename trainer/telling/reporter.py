"""Where the progress of a run goes: a bar on a terminal, lines elsewhere, nowhere for all workers but the first."""

import sys
import time
from typing import TYPE_CHECKING, Protocol

from schemas.printable import printable
from schemas.public_url import public_text
from trainer.telling.metrics import Metrics

if TYPE_CHECKING:
    from tqdm import tqdm

QUIET_LINE_EVERY_S = 15.0
"""Off a terminal a log line comes at most so often."""


class Reporter(Protocol):
    """Where progress goes."""

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None: ...

    def work(self, title: str, done_bytes: int, total_bytes: int) -> None:
        """Show how far something before the first step is; it is over when all bytes are done."""

    def progress(self, metrics: Metrics) -> None: ...

    def message(self, text: str) -> None: ...

    def stopped(self, text: str) -> None:
        """Take the error that ended the run by its own decision: it is not to be started again."""

    def close(self) -> None: ...


class Silent:
    """Reports nothing: the workers that are not the first, and tests."""

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None:
        pass

    def work(self, title: str, done_bytes: int, total_bytes: int) -> None:
        pass

    def progress(self, metrics: Metrics) -> None:
        pass

    def message(self, text: str) -> None:
        pass

    def stopped(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


class Console:
    """A progress bar on a terminal; elsewhere a line now and then."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._work: tqdm | None = None
        self._total = 0
        self._last_line_s = 0.0
        self._terminal = sys.stderr.isatty()
        self.error: str | None = None
        """Why the run ended by its own decision."""

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None:
        self.message(title)
        self._total = total_samples
        if self._terminal and self._bar is None:
            from tqdm import tqdm  # a loader for others goes without bars

            self._bar = tqdm(total=total_samples, initial=done_samples, unit=" samples", unit_scale=True, desc="train")

    def work(self, title: str, done_bytes: int, total_bytes: int) -> None:
        """Show a bar with rate and time left on a terminal, nothing elsewhere."""
        if not self._terminal:
            return
        if self._work is None:
            from tqdm import tqdm

            self._work = tqdm(total=total_bytes, unit="B", unit_scale=True, desc=title)
        self._work.total = total_bytes
        self._work.update(done_bytes - self._work.n)
        if done_bytes >= total_bytes:
            self._work.close()
            self._work = None

    def progress(self, metrics: Metrics) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"loss {metrics.loss:.3f}, scale {metrics.logit_scale:.1f}, lr {metrics.learning_rate:.2e}"
            )
            self._bar.update(metrics.samples - self._bar.n)
            return
        now_s = time.monotonic()
        if now_s - self._last_line_s < QUIET_LINE_EVERY_S and metrics.samples < self._total:
            return
        self._last_line_s = now_s
        left_s = (self._total - metrics.samples) / max(metrics.samples_per_s, 1e-9)
        self.message(
            f"step {metrics.step}  epoch {metrics.epoch:.2f}  loss {metrics.loss:.3f}  "
            f"scale {metrics.logit_scale:.1f}  lr {metrics.learning_rate:.2e}  "
            f"{metrics.samples_per_s:,.0f} samples/s  {left_s:.0f} s left"
            + (f"  {metrics.skipped} steps skipped" if metrics.skipped else "")
        )

    def message(self, text: str) -> None:
        text = "\n".join(printable(public_text(line)) for line in text.splitlines())
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def stopped(self, text: str) -> None:
        self.error = text

    def close(self) -> None:
        for bar in (self._bar, self._work):
            if bar is not None:
                bar.close()
        self._bar = self._work = None
