"""The run's own ``tokenizer.json``, mended from its checkpoints: each of them has a copy and its SHA-256."""

import logging

from schemas.storage import Folder
from trainer.saving.checkpoint import STATE_VERSION, TOKENIZER_FILE, read_tokenizer
from trainer.saving.checkpoint_folders import CHECKPOINTS, find_checkpoints
from trainer.saving.written_files import read_state
from trainer.tokenizer import CaptionTokenizer

logger = logging.getLogger(__name__)


def mend_tokenizer(folder: Folder, identity: str) -> None:
    """Put the copy of the newest whole checkpoint in place of a tokenizer that is missing, damaged or another.

    Without such a copy one that cannot be read is deleted: the same samples give it again. For the first worker.
    """
    fault = _fault(folder)
    for step in reversed(find_checkpoints(folder)):
        copy = _copy(folder.sub(f"{CHECKPOINTS}/step-{step:07d}"), identity)
        if copy is None:
            continue
        if fault or read_tokenizer(folder).sha256 != copy.sha256:
            folder.write(TOKENIZER_FILE, copy.to_json())
            told = fault or f"{folder.path(TOKENIZER_FILE)} is not the tokenizer that the run trains with"
            logger.warning("%s; the copy in %s/step-%07d is put in its place", told, CHECKPOINTS, step)
        return
    if fault and folder.exists(TOKENIZER_FILE):
        folder.delete(TOKENIZER_FILE)
        logger.warning("%s; no checkpoint has a copy: it is made again", fault)


def _copy(checkpoint: Folder, identity: str) -> CaptionTokenizer | None:
    """Return the tokenizer of a checkpoint; None for one that is damaged or another run's, which resumption tells."""
    try:
        state, written = read_state(checkpoint, STATE_VERSION)
        return read_tokenizer(checkpoint, written) if state["identity"] == identity else None
    except (ValueError, FileNotFoundError):
        return None


def _fault(folder: Folder) -> str:
    """Return why the tokenizer cannot be read, "" where it can or was never written."""
    try:
        read_tokenizer(folder)
    except FileNotFoundError:
        return f"{folder.path(TOKENIZER_FILE)} is missing" if find_checkpoints(folder) else ""
    except ValueError as error:
        return str(error).partition(";")[0]
    return ""
