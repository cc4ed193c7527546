"""What a safetensors file says of its tensors: its header alone is read."""

import json
from typing import Any

from schemas.storage import Folder

_MAX_HEADER_BYTES = 100 << 20
"""What the format's own library reads at most."""


def read_header(folder: Folder, name: str) -> tuple[dict[str, Any], int]:
    """Return what is told of each tensor, by name in the order of the file, and the byte at which their data begin.

    Raises ValueError that says why the file has no such header, without its name.
    """
    path = folder.path(name)
    data_begin = 8 + int.from_bytes(folder.fs.cat_file(path, 0, 8), "little")
    header = folder.fs.cat_file(path, 8, data_begin) if data_begin <= 8 + _MAX_HEADER_BYTES else b""
    try:
        body = json.loads(header)
        return {key: told for key, told in body.items() if key != "__metadata__"}, data_begin
    except (ValueError, AttributeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def read_names(folder: Folder, name: str, option: str) -> list[str]:
    """Return the names, in the order of the file. Raises ValueError that names `option` and the file."""
    where = folder.path(name)
    if not name.endswith(".safetensors"):
        raise ValueError(f"{option}: {where}: an image encoder alone is read from safetensors; save it so")
    try:
        return list(read_header(folder, name)[0])
    except ValueError as error:
        raise ValueError(f"{option}: {where}: expected a safetensors file, its header is none: {error}") from None
