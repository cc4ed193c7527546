"""What the first worker tells: rows to the progress at once, to files and services by a thread, in their order."""

from collections.abc import Callable, Mapping
from typing import Any

from trainer.assembly import Run
from trainer.saving.background import Background
from trainer.telling.csv_files import CsvFiles
from trainer.telling.metrics import Metrics
from trainer.telling.open_sinks import open_sinks
from trainer.telling.reporter import Reporter
from trainer.telling.sink import MetricsSink


class Teller:
    """Of the first worker; those of the others do nothing."""

    def __init__(self, run: Run, reporter: Reporter, background: Background) -> None:
        self._reporter = reporter
        self._background = background
        self._files: CsvFiles | None = None
        self._sinks: list[MetricsSink] = []
        if run.world.first:
            self._files = CsvFiles(run.folder, run.state.step)
            self._sinks = [self._files, *open_sinks(run.config, run.folder, run.identity, run.state.step)]

    def row(self, metrics: Metrics) -> None:
        self._reporter.progress(metrics)
        self._each(lambda sink: sink.row(metrics))

    def evaluated(self, step: int, measures: Mapping[str, float]) -> None:
        told = ", ".join(f"{name} {value:.4g}" for name, value in measures.items())
        self._reporter.message(f"evaluation after step {step}: {told}")
        self._each(lambda sink: sink.evaluated(step, measures))

    def flush(self) -> None:
        """Have all rows so far stand in files; for the thread."""
        for sink in self._sinks:
            sink.flush()

    def last(self) -> dict[str, Any] | None:
        """Return the latest row, None without any; when the thread is done."""
        return self._files.last() if self._files is not None else None

    def close(self) -> None:
        """Close the sinks, when the thread is done with them."""
        for sink in self._sinks:
            sink.close()

    def _each(self, call: Callable[[MetricsSink], None]) -> None:
        for sink in self._sinks:
            self._background.put(lambda sink=sink: call(sink))  # type: ignore[misc]
