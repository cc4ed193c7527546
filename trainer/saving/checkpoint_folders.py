"""The folders of a run's checkpoints: which are finished, which are in pieces, and which are deleted."""

import re

from schemas.storage import Folder
from trainer.saving.train_state import TrainState
from trainer.saving.written_files import DAMAGED_SUFFIX, STATE_FILE

CHECKPOINTS = "checkpoints"

_STEP_NAME = re.compile(r"step-(\d{7,})")


def find_checkpoints(folder: Folder) -> list[int]:
    """Return the steps of the finished checkpoints, ascending."""
    return [step for step in _begun(folder) if folder.exists(f"{CHECKPOINTS}/step-{step:07d}/{STATE_FILE}")]


def delete_stale(folder: Folder, state: TrainState, keep: int) -> None:
    """Delete all but the `keep` latest and the best, when the checkpoint of `state` is finished.

    What a run that was killed in the middle of an earlier one left of it is deleted, too.
    """
    best = [state.best.step] if state.best is not None else []
    stale = ({*find_checkpoints(folder)[:-keep]} - {*best}) | {*_in_pieces(folder, state.step)}
    for step in sorted(stale):
        name = f"{CHECKPOINTS}/step-{step:07d}"
        folder.delete(f"{name}/{STATE_FILE}")  # first, so that half a deletion is no checkpoint
        folder.delete(name)


def _in_pieces(folder: Folder, before: int) -> list[int]:
    """Return the steps `before` one that were never finished; files of damaged ones that were passed over stay."""
    ends = (STATE_FILE, STATE_FILE + DAMAGED_SUFFIX)
    steps = [step for step in _begun(folder) if step < before]
    return [step for step in steps if not any(folder.exists(f"{CHECKPOINTS}/step-{step:07d}/{end}") for end in ends)]


def _begun(folder: Folder) -> list[int]:
    """Return the steps that have a folder, ascending."""
    directory = folder.path(CHECKPOINTS)
    if not folder.fs.isdir(directory):
        return []
    names = [entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in folder.fs.ls(directory, detail=True)]
    return sorted(int(match[1]) for name in names if (match := _STEP_NAME.fullmatch(name)))
