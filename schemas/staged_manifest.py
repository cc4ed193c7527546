"""The manifest of a folder that is rewritten: that of before in; a new one, which stands in for it, staged."""

from collections.abc import Mapping
from typing import Any

from schemas.manifest import (
    CARD_FILE,
    manifest_sha256,
    normal_form_of,
    read_manifest,
    succeeded,
    write_manifest,
)
from schemas.rewritten import Rewriting
from schemas.storage import FileRecord
from schemas.tables_dir import FILES_NAME, find_table, tables_path


def stage_manifest(
    rewriting: Rewriting, kind: str, files: Mapping[str, FileRecord], rows: int, summary: dict[str, Any]
) -> str:
    """Write the manifest over `files` to the staged ones; return its SHA-256. It is of the run of the one before."""
    folder, staged = rewriting.folder, rewriting.staged
    before = read_manifest(folder, kind)
    write_manifest(
        staged, kind, list(files.values()), rows=rows, identity=before["identity"], summary=summary,
        normal_form=normal_form_of(before), succeeds=[*succeeded(folder), manifest_sha256(folder)],
    )  # fmt: skip
    listed = tables_path(FILES_NAME)
    rewriting.placed.append((listed, listed))
    if staged.exists(CARD_FILE):
        rewriting.placed.append((CARD_FILE, CARD_FILE))
    if find_table(folder, FILES_NAME) == FILES_NAME:
        rewriting.deleted.append(FILES_NAME)
    return manifest_sha256(staged)
