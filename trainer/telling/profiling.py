"""A trace of some steps by torch's profiler, of each worker: ``OUTPUT/profile/rank-0.json``, for Perfetto or Chrome."""

import tempfile
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from schemas.storage import Folder

DIRECTORY = "profile"


class StepProfiler:
    """Traces the steps it is told to, what regions they have and what the device does."""

    def __init__(self, folder: Folder, rank: int, steps: range) -> None:
        self._folder, self._rank, self._steps = folder, rank, steps
        self._profile: profile | None = None

    def before(self, step: int) -> None:
        """Begin to trace before the first of the steps, or the first that is left of them."""
        if step in self._steps and self._profile is None:
            activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()
            self._profile = profile(activities=activities)
            self._profile.start()

    def after(self, step: int) -> None:
        """Write the trace after the last of the steps."""
        if self._profile is not None and step >= self._steps[-1]:
            self.close()

    def close(self) -> None:
        """Write what was traced, where the run ends before the last of the steps."""
        if self._profile is None:
            return
        finished, self._profile = self._profile, None
        finished.stop()
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "trace.json"
            finished.export_chrome_trace(str(path))
            self._folder.write(f"{DIRECTORY}/rank-{self._rank}.json", path.read_bytes())
