"""An output that a run of other options claimed, and ended in before it kept anything: it may be claimed again."""

import logging
import os

from schemas.output_lock import lock_output
from schemas.run_record import RUN_FILE
from schemas.storage import TEMPORARY_MARK, Folder
from trainer.data.open_data import INDEX_DIR
from trainer.record.run_environment import ENVIRONMENT_FILE
from trainer.saving.checkpoint import TOKENIZER_FILE

logger = logging.getLogger(__name__)

RAY_DIR = "ray"
BEFORE_STEPS = (TOKENIZER_FILE, ENVIRONMENT_FILE, INDEX_DIR, RAY_DIR)
"""What a run writes beside its claim before its first step, and makes again: no row of metrics, no checkpoint."""


def free_unused(folder: Folder, command: str, identity: str) -> None:
    """Delete the claim on `folder` of another run of `command` that kept nothing and is no longer at work.

    The folder's lock says whether it is, and is held from then on: of two launchers one goes on. Where there are no
    locks (object stores, some network filesystems) nothing is deleted; `start_run` refuses such a folder.
    """
    if not _is_unused(folder, command, identity):
        return
    try:
        lock = lock_output(folder.root)
    except BlockingIOError:
        return
    if lock is None or not _is_unused(folder, command, identity):  # another may have begun before the lock
        return
    folder.lock = lock
    for name in (*BEFORE_STEPS, RUN_FILE):  # the claim last: half a deletion is an unused claim, too
        folder.delete(name)
    logger.warning("%s: a run of other options ended there before it kept anything; this one is put there", folder.url)


def _is_unused(folder: Folder, command: str, identity: str) -> bool:
    if not folder.local or not folder.exists(RUN_FILE):
        return False
    found = folder.read_json(RUN_FILE)
    names = {name for name in os.listdir(folder.root) if not name.startswith(TEMPORARY_MARK)}
    return found.get("command") == command and found.get("identity") != identity and names <= {RUN_FILE, *BEFORE_STEPS}
