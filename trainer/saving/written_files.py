"""What was noted of a model's files when they were written, and the check that they are still so before they are used.

A checkpoint's ``state.json`` notes size and SHA-256 of the files beside it, the manifest of a finished run those of
``final/``. A model that was copied alone, or is of a version that noted nothing, is taken as it is.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from schemas.json_shape import check_json
from schemas.manifest import read_files
from schemas.run_record import MANIFEST_FILE
from schemas.storage import Folder
from schemas.stream_digest import sha256_of

STATE_FILE, FINAL, FINAL_EMA = "state.json", "final", "final-ema"
DAMAGED_SUFFIX = ".damaged"
"""Of the state of a checkpoint that was passed over: its files stay."""

_FILES = {"files?": {str: (int, str)}}
_BEST = {"step": int, "measure": str, "value": float | int}
_STATE = {"version": int, "identity": str, "step": int, "samples": int, "replaced": int, "skipped?": int,
          "loss_scale?": {str: float | int}, "best?": _BEST, **_FILES}  # fmt: skip
_WHAT = "the state of a checkpoint of this project"


class DamagedFile(ValueError):
    """A file that is not as it was written."""


@dataclass(frozen=True)
class WrittenFiles:
    """The notes of one model's files."""

    sha256: dict[str, str]
    """By name."""
    noted_in: str
    """What holds the notes."""
    remedy: str
    """What to do about a file that is not as it was written."""

    def check(self, path: str, name: str, data: bytes) -> None:
        """Raise `DamagedFile` when `data`, read from `path`, is not what was written as `name`."""
        self.check_hash(path, name, hashlib.sha256(data).hexdigest())

    def check_hash(self, path: str, name: str, sha256: str) -> None:
        """Raise `DamagedFile` when the file at `path` has another SHA-256 than was written as `name`."""
        known = self.sha256.get(name)
        if known is not None and sha256 != known:
            raise DamagedFile(
                f"{path}: its SHA-256 is not the one that {self.noted_in} holds, so it is damaged or was changed; "
                f"{self.remedy}"
            )

    def check_file(self, folder: Folder, name: str) -> None:
        """Raise `DamagedFile` when file `name` of `folder` is not as it was written; it is read in pieces."""
        with folder.open(name) as raw:
            sha256, _ = sha256_of(raw)
        self.check_hash(folder.path(name), name, sha256)

    def read(self, folder: Folder, name: str) -> bytes:
        """Return file `name` of `folder`, checked."""
        data = folder.read(name)
        self.check(folder.path(name), name, data)
        return data


def read_state(folder: Folder, version: int) -> tuple[dict[str, Any], WrittenFiles]:
    """Return the state of the checkpoint in `folder`, and its notes.

    Raises ValueError for another `version`; `DamagedFile` where it is no JSON, or lacks something.
    """
    try:
        body = folder.read_json(STATE_FILE)
        found = body.get("version")
        if not isinstance(found, int) or found == version:  # another version may have other keys
            check_json(body, _STATE, folder.path(STATE_FILE), _WHAT)
    except ValueError as error:
        raise DamagedFile(str(error)) from error
    if found != version:
        raise ValueError(f"{folder.path(STATE_FILE)}: state version {found!r}, this program resumes {version}")
    remedy = (
        f"delete {folder.url} and run the same command again: it goes on from an older checkpoint, or "
        "begins anew where there is none"
    )
    return body, WrittenFiles(_hashes(body), STATE_FILE, remedy)


def written_files(folder: Folder) -> WrittenFiles:
    """Return the notes of the model in `folder`, empty when there are none. Raises ValueError for a damaged state."""
    remedy = "restore the file, or give another --checkpoint"
    if folder.exists(STATE_FILE):
        body = folder.read_json(STATE_FILE)
        check_json(body, _FILES, folder.path(STATE_FILE), _WHAT)
        return WrittenFiles(_hashes(body), STATE_FILE, remedy)
    parent, _, name = folder.url.rpartition("/")
    run = Folder(parent or "/")
    if (
        name not in (FINAL, FINAL_EMA)
        or not run.exists(MANIFEST_FILE)
        or run.read_json(MANIFEST_FILE).get("kind") != "checkpoint"
    ):
        return WrittenFiles({}, STATE_FILE, remedy)
    noted = {file.name.removeprefix(f"{name}/"): file.sha256 for file in read_files(run)}
    return WrittenFiles(noted, "the run's file list", remedy)


def _hashes(state: dict[str, Any]) -> dict[str, str]:
    return {name: sha256 for name, (_, sha256) in state.get("files", {}).items()}
