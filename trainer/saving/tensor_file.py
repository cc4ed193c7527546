"""Tensors in host memory in, a safetensors file out: the bytes that the library writes, without copies of them.

Tensors go to the file, and into its SHA-256, one by one as they lie in memory. The library makes all of the file in
memory first and holds the interpreter's lock over it, so a training thread beside it would stand still.
"""

import json
from collections.abc import Mapping

import torch

from schemas.storage import FileRecord, Folder

_NAMES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.float16: "F16",
    torch.bfloat16: "BF16", torch.int32: "I32", torch.float32: "F32", torch.float64: "F64", torch.int64: "I64",
}  # fmt: skip
"""Types of a state, from those that stand last in a file to those that stand first."""
_ORDER = {dtype: place for place, dtype in enumerate(_NAMES)}
_ALIGNMENT = 8
"""The header is padded to a multiple of so many bytes."""


def write_tensors(folder: Folder, name: str, tensors: Mapping[str, torch.Tensor]) -> FileRecord:
    """Write contiguous tensors of the CPU as file `name`, in the library's order: by type, then by name."""
    ordered = sorted(tensors.items(), key=lambda item: (-_ORDER[item[1].dtype], item[0]))
    header: dict[str, object] = {}
    begin = 0
    for key, tensor in ordered:
        end = begin + tensor.numel() * tensor.element_size()
        header[key] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with folder.writing(name) as sink:
        sink.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in ordered:
            if tensor.numel():
                sink.write(tensor.detach().reshape(-1).view(torch.uint8).numpy().data)
    return FileRecord(name, 0, sink.bytes, sink.sha256)
