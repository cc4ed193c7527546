"""What one process of a machine makes in a folder while the others wait for it: no collective, no launcher.

In: a local folder, the file that is written in it last, how it is made. Out: the folder with that file. The maker holds
the system's lock on the folder, which goes with it however it ends: then the next in turn makes it.
"""

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from schemas.output_lock import lock_output
from schemas.storage import Folder
from trainer.telling.metrics import Metrics
from trainer.telling.reporter import Reporter

logger = logging.getLogger(__name__)

STALLED_S = 900.0
"""So long a maker may be without progress: a tar over a slow line takes minutes."""
LOOK_EVERY_S = 0.2
NOTE_EVERY_S = 1.0
PROGRESS_FILE = "progress.txt"


class CannotBeKept(OSError):
    """The folder cannot be made or written to."""


def make_once(folder: Folder, last: str, make: Callable[[Reporter], None], reporter: Reporter) -> None:
    """Call `make` in one process at a time until the folder has file `last`; return when it has, or this one made it.

    Raises `CannotBeKept`, what `make` raises, and TimeoutError that names the process which
    has it and is without progress for `STALLED_S`.
    """
    path = Path(folder.path(""))
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotBeKept(f"{path} cannot be made: {error.strerror}") from error
    noted, since, waits = "", time.monotonic(), False
    while not folder.exists(last):
        try:
            lock = lock_output(str(path))  # held until this function ends
        except BlockingIOError:
            now, found = time.monotonic(), _read(path / PROGRESS_FILE)
            if found != noted:
                noted, since = found, now
            if now - since > STALLED_S:
                raise TimeoutError(
                    f"{path}: made by another process ({found or 'unknown'}), without progress for {STALLED_S:g} s; "
                    "end that process and run the same command again"
                ) from None
            if not waits:
                waits = True
                logger.info("%s is made by another process of this machine (%s): waiting for it", path, found)
            time.sleep(LOOK_EVERY_S)
            continue
        if not folder.exists(last):
            note = path / PROGRESS_FILE
            try:
                note.write_text(f"process {os.getpid()}")
            except OSError as error:
                raise CannotBeKept(f"{path} cannot be written to: {error.strerror}") from error
            make(_Noting(reporter, note))
            note.unlink(missing_ok=True)
        del lock
        return


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


class _Noting:
    """A reporter that leaves a note of how far the work is for those who wait."""

    def __init__(self, reporter: Reporter, path: Path) -> None:
        self._reporter, self._path = reporter, path
        self._noted = time.monotonic()

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None:
        self._reporter.start(done_samples=done_samples, total_samples=total_samples, title=title)

    def work(self, title: str, done_bytes: int, total_bytes: int) -> None:
        now = time.monotonic()
        if now - self._noted >= NOTE_EVERY_S:
            self._noted = now
            with suppress(OSError):  # a full disk ends the work itself, or does not matter
                self._path.write_text(f"process {os.getpid()}: {title}, {done_bytes:,} of {total_bytes:,} bytes")
        self._reporter.work(title, done_bytes, total_bytes)

    def progress(self, metrics: Metrics) -> None:
        self._reporter.progress(metrics)

    def message(self, text: str) -> None:
        self._reporter.message(text)

    def stopped(self, text: str) -> None:
        self._reporter.stopped(text)

    def close(self) -> None:
        self._reporter.close()
