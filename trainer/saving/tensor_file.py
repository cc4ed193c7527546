"""Tensors in host memory in, a safetensors file out: the bytes that the library writes, without copies of them.

Tensors go to the file, and into its SHA-256, one by one as they lie in memory. The library makes all of the file in
memory first and holds the interpreter's lock over it, so a training thread beside it would stand still.
"""

import hashlib
import json
from collections.abc import Mapping

import torch

from schemas.storage import FileRecord, Folder

NAMES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.float16: "F16",
    torch.bfloat16: "BF16", torch.int32: "I32", torch.float32: "F32", torch.float64: "F64", torch.int64: "I64",
}  # fmt: skip
"""Types of a state, from those that stand last in a file to those that stand first."""
_ORDER = {dtype: place for place, dtype in enumerate(NAMES)}
DTYPES = {name: dtype for dtype, name in NAMES.items()}
_ALIGNMENT = 8
"""The header is padded to a multiple of so many bytes."""


def write_tensors(
    folder: Folder, name: str, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> FileRecord:
    """Write contiguous tensors of the CPU as file `name`, in the library's order: by type, then by name."""
    text, ordered = _header(tensors, metadata)
    with folder.writing(name) as sink:
        sink.write(text)
        for _, tensor, _ in ordered:
            sink.write(_bytes(tensor))
    return FileRecord(name, 0, sink.bytes, sink.sha256)


def write_placed_tensors(
    folder: Folder, name: str, tensors: Mapping[str, torch.Tensor]
) -> tuple[FileRecord, dict[str, tuple[int, int, str]]]:
    """Write the same file; return also where each tensor's bytes begin and end in it, and their SHA-256."""
    text, ordered = _header(tensors)
    placed = {}
    with folder.writing(name) as sink:
        sink.write(text)
        for key, tensor, begin in ordered:
            data = _bytes(tensor)
            sink.write(data)
            placed[key] = len(text) + begin, len(text) + begin + data.nbytes, hashlib.sha256(data).hexdigest()
    return FileRecord(name, 0, sink.bytes, sink.sha256), placed


def _header(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> tuple[bytes, list[tuple[str, torch.Tensor, int]]]:
    """Return a file's first bytes, and the tensors in its order, each with where it begins after them."""
    ordered = sorted(tensors.items(), key=lambda item: (-_ORDER[item[1].dtype], item[0]))
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    placed = []
    begin = 0
    for key, tensor in ordered:
        end = begin + tensor.numel() * tensor.element_size()
        header[key] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
        placed.append((key, tensor, begin))
        begin = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text, placed


def _bytes(tensor: torch.Tensor) -> memoryview:
    if not tensor.numel():
        return memoryview(b"")
    data: memoryview = tensor.detach().reshape(-1).view(torch.uint8).numpy().data
    return data
