"""The user's folder for what can be made or fetched again."""

import os
from pathlib import Path


def cache_home() -> Path:
    """Return ``$XDG_CACHE_HOME/webimagetext``, or ``~/.cache/webimagetext`` without that variable."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "webimagetext"
