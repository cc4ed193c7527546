"""How a run ends that SIGTERM stopped."""

import sys
from typing import NoReturn

from schemas.storage import Folder
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.telling.reporter import Reporter

STOPPED = 143
"""Exit code of a run that saved and stopped when it got SIGTERM, as shells tell it."""


def end_stopped(folder: Folder, reporter: Reporter) -> NoReturn:
    """Tell from where the same command goes on, and exit with `STOPPED`."""
    steps = find_checkpoints(folder)
    saved = f"a checkpoint of step {max(steps)} is in {folder.url}" if steps else "before anything was learned"
    reporter.message(f"stopped by SIGTERM: {saved}; the same command goes on")
    sys.exit(STOPPED)
