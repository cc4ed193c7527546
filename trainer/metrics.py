"""What a run tells while it goes: rows of metrics.csv, a progress bar or log lines, the final summary."""

import csv
import io
import time
from dataclasses import asdict, dataclass, fields
from typing import Any

from schemas.storage import Folder

METRICS_FILE = "metrics.csv"
TRAINING_FILE = "training.json"


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
