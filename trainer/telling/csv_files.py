"""Metrics as CSV files: ``metrics.csv``, a row a line, and ``evaluations.csv``, a measure a line."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from schemas.storage import Folder
from trainer.telling.csv_table import CsvTable
from trainer.telling.metrics import EVALUATIONS_FILE, METRICS_FILE, Metrics


class CsvFiles:
    """Takes metrics (`MetricsSink`)."""

    def __init__(self, folder: Folder, resumed_step: int) -> None:
        self._rows = CsvTable(folder, METRICS_FILE, [field.name for field in fields(Metrics)], resumed_step)
        self._folder, self._resumed_step = folder, resumed_step
        self._evaluations: CsvTable | None = None
        if folder.exists(EVALUATIONS_FILE):
            self._open_evaluations()

    def _open_evaluations(self) -> CsvTable:
        columns = ["step", "measure", "value"]
        self._evaluations = CsvTable(self._folder, EVALUATIONS_FILE, columns, self._resumed_step)
        return self._evaluations

    def row(self, metrics: Metrics) -> None:
        self._rows.add([asdict(metrics)])

    def evaluated(self, step: int, measures: Mapping[str, float]) -> None:
        table = self._evaluations or self._open_evaluations()
        table.add([{"step": step, "measure": name, "value": value} for name, value in measures.items()])

    def last(self) -> dict[str, Any] | None:
        """Return the latest row of metrics, None without any."""
        return self._rows.last()

    def flush(self) -> None:
        for table in (self._rows, self._evaluations):
            if table is not None:
                table.flush()

    def close(self) -> None:
        for table in (self._rows, self._evaluations):
            if table is not None:
                table.close()
