"""OpenAI's vocabulary: from the cache, from an installed package that ships it, else downloaded once and checked.

open_clip_torch and OpenAI's own clip hold the same file (MIT licence).
"""

import contextlib
import hashlib
import importlib.util
import urllib.error
import urllib.request
from pathlib import Path

from schemas.cache_home import cache_home
from schemas.storage import Folder

NAME = "bpe_simple_vocab_16e6.txt.gz"
ADDRESS = f"https://raw.githubusercontent.com/openai/CLIP/main/clip/{NAME}"
SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"

_PACKAGES = ("open_clip", "clip")
_TIMEOUT_S = 30.0
_MAX_BYTES = 16 << 20
"""The file has 1.36 MB."""


def openai_vocabulary(address: str = ADDRESS, sha256: str = SHA256) -> bytes:
    """Return the file. Raises OSError that names address and path when it is nowhere and cannot be downloaded."""
    kept = cache_home() / NAME
    for path in (kept, *_installed()):
        if path.is_file() and hashlib.sha256(data := path.read_bytes()).hexdigest() == sha256:
            return data
    otherwise = f"fetch it elsewhere and give its path: --tokenizer PATH/{NAME}, or pip install open_clip_torch"
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:
            data = answer.read(_MAX_BYTES + 1)
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise OSError(f"--tokenizer openai: {address} cannot be downloaded to {kept} ({error}); {otherwise}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise OSError(f"--tokenizer openai: {address} has the SHA-256 {found}, expected {sha256}; {otherwise}")
    with contextlib.suppress(OSError):  # a cache that cannot be written is asked again next time
        Folder(str(kept.parent)).write(NAME, data)
    return data


def _installed() -> list[Path]:
    """Return where the packages would have it; none is imported."""
    found = (importlib.util.find_spec(name) for name in _PACKAGES)
    return [Path(spec.origin).parent / NAME for spec in found if spec is not None and spec.origin is not None]
