"""What a run tells while it goes: rows of metrics.csv, a progress bar or log lines, the final summary."""

import csv
import io
import sys
import time
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from tqdm import tqdm

from schemas.printable import printable
from schemas.public_url import public_text
from schemas.storage import Folder

METRICS_FILE = "metrics.csv"
TRAINING_FILE = "training.json"
QUIET_LINE_EVERY_S = 15.0
"""Off a terminal a log line comes at most so often."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """One row of metrics.csv; loss is the mean over the steps since the row before."""

    step: int
    epoch: float
    samples: int
    loss: float
    logit_scale: float
    learning_rate: float
    samples_per_s: float
    data_wait_share: float
    """Share of the time that the loop waited for data."""
    replaced: int


_WHOLE = ("step", "samples", "replaced")
"""Columns of whole numbers."""


class Reporter(Protocol):
    """Where progress goes."""

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None: ...

    def progress(self, metrics: Metrics) -> None: ...

    def message(self, text: str) -> None: ...

    def close(self) -> None: ...


class Silent:
    """Reports nothing: the workers that are not the first, and tests."""

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None:
        pass

    def progress(self, metrics: Metrics) -> None:
        pass

    def message(self, text: str) -> None:
        text = "\n".join(printable(public_text(line)) for line in text.splitlines())
        pass

    def close(self) -> None:
        pass


class Console:
    """A progress bar on a terminal; elsewhere a line now and then."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._total = 0
        self._last_line_s = 0.0
        self._terminal = sys.stderr.isatty()

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None:
        self.message(title)
        self._total = total_samples
        if self._terminal and self._bar is None:
            self._bar = tqdm(total=total_samples, initial=done_samples, unit=" samples", unit_scale=True, desc="train")

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
        )

    def message(self, text: str) -> None:
        text = "\n".join(printable(public_text(line)) for line in text.splitlines())
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class MetricsTable:
    """metrics.csv, written whole each time (a row per `log_every_steps`), so that a crash leaves no half row."""

    def __init__(self, folder: Folder, resumed_step: int) -> None:
        self._folder = folder
        self._rows: list[dict[str, Any]] = []
        self._written_s = time.monotonic()
        if folder.exists(METRICS_FILE):
            text = folder.read(METRICS_FILE).decode()
            read = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))]
            self._rows = [row | {n: int(row[n]) for n in _WHOLE} for row in read if row["step"] <= resumed_step]

    @property
    def age_s(self) -> float:
        """Seconds since the file was written."""
        return time.monotonic() - self._written_s

    def add(self, metrics: Metrics) -> None:
        self._rows.append(asdict(metrics))

    def last(self) -> dict[str, Any] | None:
        """Return the latest row, None when there is none."""
        return self._rows[-1] if self._rows else None

    def write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, [field.name for field in fields(Metrics)], lineterminator="\n")
        writer.writeheader()
        for row in self._rows:
            writer.writerow({name: f"{v:.6g}" if isinstance(v, float) else v for name, v in row.items()})
        self._folder.write(METRICS_FILE, text.getvalue().encode())
        self._written_s = time.monotonic()


class Stopwatch:
    """Speed and waiting of the steps since the last lap."""

    def __init__(self) -> None:
        self._began_s = self._lap_s = self._asked_s = time.monotonic()
        self._waited_s = 0.0
        self.steps = 0

    def wait(self) -> None:
        """The loop begins to wait for data."""
        self._asked_s = time.monotonic()

    def go_on(self) -> None:
        """The data are there."""
        self._waited_s += time.monotonic() - self._asked_s

    def lap(self) -> None:
        """Begin to measure anew."""
        self._lap_s, self._waited_s, self.steps = time.monotonic(), 0.0, 0

    @property
    def steps_per_s(self) -> float:
        return self.steps / max(time.monotonic() - self._lap_s, 1e-9)

    @property
    def wait_share(self) -> float:
        return self._waited_s / max(time.monotonic() - self._lap_s, 1e-9)

    @property
    def total_s(self) -> float:
        """Seconds since the first step was asked for."""
        return max(time.monotonic() - self._began_s, 1e-9)
