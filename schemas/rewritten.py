"""Finished folders written again in part, all of them or none: staged beside what is there, then put in its place.

    stage      rewrite.work/files/ in each folder: the files that change, the manifest last
    plan       rewrite.work/plan.json in each, the last folder's last: from then on it is decided
    put        in each folder, the last last: the old manifest goes, files are put in place, the new manifest comes

Killed before the last plan, nothing has changed, and what was staged is thrown away; killed after it, whoever comes
next (`finish_rewriting`) goes on. In between a folder without manifest is refused by all readers. No byte of what is
replaced stays: `rewrite.work` goes at the end.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.output_lock import lock_output
from schemas.storage import Folder

WORK_DIR = "rewrite.work"
FILES_DIR = f"{WORK_DIR}/files"
PLAN_FILE = f"{WORK_DIR}/plan.json"

_MANIFEST = "manifest.json"
"""As `schemas.run_record.MANIFEST_FILE`, which knows this module."""


@dataclass
class Rewriting:
    """What becomes of the files of one folder, gathered while it is staged."""

    folder: Folder
    placed: list[tuple[str, str]] = field(default_factory=list)
    """Files of `staged`, and under which names they are put in the folder."""
    moved: list[tuple[str, str]] = field(default_factory=list)
    """Files of the folder that get another name, under which nothing of this list stands."""
    deleted: list[str] = field(default_factory=list)
    """Files of the folder that go, but for what is placed or moved under their names."""

    @property
    def staged(self) -> Folder:
        """The folder to write what is `placed` to, and the new manifest."""
        return self.folder.sub(FILES_DIR)


def claim(folder: Folder) -> None:
    """Keep others of this machine out of a local folder while it is rewritten. Raises ValueError when one is there."""
    if folder.local:
        try:
            folder.lock = lock_output(folder.root)
        except BlockingIOError:
            raise ValueError(f"{folder.url}: another process is at work there; wait until it has ended") from None


def rewrite(rewritings: Sequence[Rewriting]) -> None:
    """Put what was staged for all folders in place. Killed at any moment, `finish_rewriting` goes on."""
    if not rewritings:
        return
    all_urls = [found.folder.url for found in rewritings]
    for found in rewritings:
        stays = {target for _, target in (*found.placed, *found.moved)}
        plan = {
            "folders": all_urls,
            "placed": found.placed,
            "moved": found.moved,
            "deleted": [name for name in found.deleted if name not in stays],
            "has_manifest": found.staged.exists(_MANIFEST),
        }
        found.folder.write_json(PLAN_FILE, plan)
    _put_all([found.folder for found in rewritings])


def finish_rewriting(folder: Folder) -> list[str]:
    """Go on with a rewriting that was killed, of `folder` and those together with it, or throw away what was staged.

    Return the folders that were put right. Raises ValueError that names the plan when one of them is not there.
    """
    if not folder.exists(PLAN_FILE):
        folder.delete(WORK_DIR)
        return []
    plan = folder.read_json(PLAN_FILE)
    folders = [Folder(str(url)) for url in plan["folders"]]
    for other in folders:
        if not other.exists():
            raise ValueError(
                f"{plan.where}: a removal was killed that takes {other.url} along, which is not there; put it back"
            )
    if not folders[-1].exists(PLAN_FILE):  # it was not decided yet
        for other in folders:
            other.delete(WORK_DIR)
        return []
    _put_all(folders)
    return [other.url for other in folders]


def _put_all(folders: Sequence[Folder]) -> None:
    for folder in folders:
        if folder.exists(PLAN_FILE):
            _put(folder)


def _put(folder: Folder) -> None:
    """Do what the plan of `folder` says; done twice, or in parts, it is as good as once."""
    plan = json.loads(folder.read(PLAN_FILE))
    staged_manifest = f"{FILES_DIR}/{_MANIFEST}"
    if not plan["has_manifest"]:
        _put_files(folder, plan)
    elif folder.exists(staged_manifest) and not _is_put(folder, staged_manifest):
        folder.delete(_MANIFEST)
        _put_files(folder, plan)
        folder.copy(staged_manifest, _MANIFEST)
    folder.delete(FILES_DIR)
    folder.delete(PLAN_FILE)  # behind the files: what is left of the work without a plan is thrown away
    folder.delete(WORK_DIR)


def _is_put(folder: Folder, staged_manifest: str) -> bool:
    return folder.exists(_MANIFEST) and folder.read(_MANIFEST) == folder.read(staged_manifest)


def _put_files(folder: Folder, plan: dict[str, Any]) -> None:
    for source, target in plan["moved"]:
        if folder.exists(source):  # else it was moved before
            folder.copy(source, target)
            folder.delete(source)
    for source, target in plan["placed"]:
        if folder.exists(f"{FILES_DIR}/{source}"):
            folder.copy(f"{FILES_DIR}/{source}", target)
    for name in plan["deleted"]:
        folder.delete(name)
    folder.delete_temporaries()
