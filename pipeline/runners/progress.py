"""Progress of a job, seen from the launcher: the commit objects that appear in the output folder.

Works on any runner, because it needs nothing of it. Quiet when standard error is no terminal.
"""

import threading
from types import TracebackType

from tqdm import tqdm

from schemas.storage import Folder
from schemas.units import finished_units

POLL_S = 0.5
REMOTE_POLL_S = 15.0
"""An object store bills listings."""


class UnitProgress:
    """A progress bar over the units ``directory/*suffix`` of `folder`, with rate and time left."""

    def __init__(self, folder: Folder, directory: str, suffix: str, total: int, label: str) -> None:
        self._folder, self._directory, self._suffix = folder, directory, suffix
        self._bar = tqdm(total=total, desc=label, unit="unit", disable=None, leave=True)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="progress", daemon=True)

    def __enter__(self) -> "UnitProgress":
        if not self._bar.disable:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
            self._show()
        self._bar.close()

    def _poll(self) -> None:
        wait_s = POLL_S if self._folder.local else REMOTE_POLL_S
        while not self._stop.wait(wait_s):
            self._show()

    def _show(self) -> None:
        done = len(finished_units(self._folder, self._directory, self._suffix))
        self._bar.update(done - self._bar.n)
