"""Whether a finished shards folder is of the selection that is named beside it."""

from typing import Any

from schemas.manifest import manifest_sha256, succeeded
from schemas.storage import Folder


def check_selection(shards: Folder, manifest: dict[str, Any], selection: Folder) -> None:
    """Raise ValueError when `shards`, whose manifest is `manifest`, was made of another selection."""
    known = {found["manifest_sha256"] for found in manifest["summary"]["selections"]}
    if not known & {manifest_sha256(selection), *succeeded(selection)}:
        raise ValueError(f"--selection {selection.url}: {shards.url} was not made of it; name the selection it is of")
