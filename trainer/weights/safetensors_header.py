"""The names of the tensors in a safetensors file: its header alone is read."""

import json

from schemas.storage import Folder

_MAX_HEADER_BYTES = 100 << 20
"""What the format's own library reads at most."""


def read_names(folder: Folder, name: str, option: str) -> list[str]:
    """Return the names, in the order of the file. Raises ValueError that names `option` and the file."""
    where = folder.path(name)
    if not name.endswith(".safetensors"):
        raise ValueError(f"{option}: {where}: an image encoder alone is read from safetensors; save it so")
    with folder.open(name) as raw:
        length = int.from_bytes(raw.read(8), "little")
        header = raw.read(length) if length <= _MAX_HEADER_BYTES else b""
    try:
        body = json.loads(header)
        return [key for key in body if key != "__metadata__"]
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{option}: {where}: expected a safetensors file, its header is none: {error}") from None
