"""The trace of some steps: JSON with their regions, of those steps alone."""

import json
from pathlib import Path

import torch
from torch.profiler import record_function

from schemas.storage import Folder
from trainer.telling.profiling import StepProfiler


def traced(folder: Path, steps: range, last_step: int) -> list[str]:
    profiler = StepProfiler(Folder(str(folder)), 1, steps)
    for step in range(1, last_step + 1):
        profiler.before(step)
        with record_function(f"work of step {step}"):
            torch.ones(4, 4) @ torch.ones(4, 4)
        profiler.after(step)
    profiler.close()
    body = json.loads((folder / "profile" / "rank-1.json").read_text())
    return [event["name"] for event in body["traceEvents"] if str(event.get("name")).startswith("work of")]


def test_the_steps_asked_for_are_in_the_trace(tmp_path: Path) -> None:
    assert traced(tmp_path / "a", range(2, 4), 5) == ["work of step 2", "work of step 3"]
    assert traced(tmp_path / "b", range(4, 9), 5) == ["work of step 4", "work of step 5"], "the run ends before"


def test_nothing_is_written_unasked(tmp_path: Path) -> None:
    profiler = StepProfiler(Folder(str(tmp_path)), 0, range(0))
    for step in (1, 2):
        profiler.before(step)
        profiler.after(step)
    profiler.close()
    assert not list(tmp_path.iterdir())
