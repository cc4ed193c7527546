"""Files of tensors, read whole with their SHA-256. No code is ever unpickled.

safetensors, and what ``torch.save`` wrote of tensors (``weights_only``); a file of an object store is copied to a
temporary one first.
"""

import hashlib
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from schemas.storage import Folder
from schemas.stream_digest import sha256_of

_PIECE = 1 << 22
_IN_A_CHECKPOINT = ("state_dict", "model")
"""Keys under which training programs keep the model's tensors."""

_GLOBAL = re.compile(r"GLOBAL (\S+)")
"""How torch names the function or class that a pickle asks for."""


def hash_file(folder: Folder, name: str) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with folder.open(name) as raw:
        return sha256_of(raw)[0]


def read_tensors(folder: Folder, name: str) -> tuple[dict[str, torch.Tensor], tuple[str, ...], str]:
    """Return the tensors of a file, what else it holds, and its SHA-256. Raises ValueError that names the file."""
    with _on_this_machine(folder, name) as (path, sha256):
        where = folder.path(name)
        if name.endswith(".safetensors"):
            try:
                return load_file(path), (), sha256
            except SafetensorError as error:
                raise ValueError(f"{where}: expected a safetensors file, {error}") from error
        tensors, beside = _state_dict(_load(path, where), where)
        return tensors, beside, sha256


@contextmanager
def _on_this_machine(folder: Folder, name: str) -> Iterator[tuple[Path, str]]:
    if folder.local:
        yield Path(folder.path(name)), hash_file(folder, name)
        return
    with tempfile.NamedTemporaryFile(suffix=Path(name).suffix) as copy:
        whole = hashlib.sha256()
        with folder.open(name) as raw:
            while piece := raw.read(_PIECE):
                whole.update(piece)
                copy.write(piece)
        copy.flush()
        yield Path(copy.name), whole.hexdigest()


def _load(path: Path, where: str) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(entry.rsplit("/", 1)[-1] == "constants.pkl" for entry in archive.namelist()):
                raise ValueError(
                    f"{where} is a TorchScript archive, as OpenAI publishes its models, and holds code, which is never "
                    "run here; save its tensors once where you trust it: "
                    "torch.save(torch.jit.load(PATH, map_location='cpu').state_dict(), 'clip.pt')"
                )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        found = _found(error)
        raise ValueError(
            f"{where}: expected tensors as torch.save writes them, and nothing to be unpickled as code; found {found}"
        ) from error


def _found(error: Exception) -> str:
    """Return what was found, in words: torch's own tell how to unpickle the file all the same."""
    if asked := _GLOBAL.search(str(error)):
        return f"{asked[1][:100].rstrip('.,')}, which is code"
    if isinstance(error, UnpicklingError):
        return "a pickle of something else"
    if isinstance(error, RuntimeError) and str(error).strip():
        return f"a file that torch cannot read: {str(error).strip().splitlines()[0].partition('. ')[0]}"
    return "an empty file" if isinstance(error, EOFError) else "something else"


def _state_dict(body: Any, where: str) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    beside: tuple[str, ...] = ()
    if isinstance(body, dict):
        for key in _IN_A_CHECKPOINT:
            if isinstance(body.get(key), dict):
                beside = tuple(sorted(str(name) for name in body if name != key))
                body = body[key]
                break
    if not isinstance(body, dict) or not body:
        raise ValueError(f"{where}: expected tensors by name, found {type(body).__name__}")
    tensors = {str(name): value for name, value in body.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise ValueError(f"{where}: expected tensors by name, found {', '.join(sorted(map(str, body))[:5])}")
    others = tuple(sorted(str(name) for name in body.keys() - tensors.keys()))
    return tensors, beside + others
