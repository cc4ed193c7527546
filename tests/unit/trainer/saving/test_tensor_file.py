"""Our safetensors files are the library's, to the byte, and their records tell their hash."""

import hashlib
from pathlib import Path

import torch
from safetensors.torch import save

from schemas.storage import Folder
from trainer.saving.tensor_file import NAMES, write_tensors


def test_the_same_bytes_as_the_library_of_all_types_and_shapes(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = {
        f'{number}.é"{"x" * number}{shape}': torch.randint(0, 2, shape, generator=generator).to(dtype)
        for number, dtype in enumerate(NAMES)
        for shape in ((), (3,), (2, 5), (0, 4))
    }
    folder = Folder(str(tmp_path))
    record = write_tensors(folder, "a/b.safetensors", tensors)
    data = folder.read("a/b.safetensors")
    assert data == save(tensors)
    assert (record.bytes, record.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    write_tensors(folder, "of.safetensors", tensors, {"format": "pt"})
    assert folder.read("of.safetensors") == save(tensors, {"format": "pt"})


def test_no_tensor_at_all_is_a_file_too(tmp_path: Path) -> None:
    write_tensors(Folder(str(tmp_path)), "none", {})
    assert (tmp_path / "none").read_bytes() == save({})
