"""Folders as schema 1.3 left them, for tests of what is done with texts of an older normal form."""

import hashlib
from pathlib import Path

from schemas.run_record import MANIFEST_FILE, RUN_FILE
from schemas.storage import Folder, canonical_json


def make_older(path: str | Path) -> str:
    """Write ``run.json`` and, of a finished folder, ``manifest.json`` as schema 1.3 wrote them; return the folder."""
    folder = Folder(str(path))
    run = folder.read_json(RUN_FILE)
    run["versions"] |= {"schema": "1.3", "normal_form": "1"}
    parts = {key: run[key] for key in ("command", "config", "inputs", "versions")}
    run["identity"] = hashlib.blake2b(canonical_json(parts), digest_size=16).hexdigest()
    folder.write_json(RUN_FILE, run)
    if folder.exists(MANIFEST_FILE):
        manifest = folder.read_json(MANIFEST_FILE)
        del manifest["normal_form"]
        folder.write_json(MANIFEST_FILE, manifest | {"schema": "1.3", "identity": run["identity"]})
    return folder.url
