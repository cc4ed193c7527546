"""Files of tensors: read with their hash, never unpickled as code, faults in one line."""

import hashlib
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
from safetensors.torch import save_file

from schemas.storage import Folder
from trainer.weights.read_tensors import hash_file, read_tensors

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(2, dtype=torch.float16)}


def assert_equal(found: dict[str, torch.Tensor]) -> None:
    assert found.keys() == TENSORS.keys()
    assert all(
        torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in TENSORS.items()
    )


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt", "a.bin"])
def test_tensors_and_hash(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_file(TENSORS, path) if name.endswith("safetensors") else torch.save(OrderedDict(TENSORS), path)
    found, beside, sha256 = read_tensors(Folder(str(tmp_path)), name)
    assert_equal(found)
    assert beside == ()
    assert sha256 == hash_file(Folder(str(tmp_path)), name) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_object_store_gives_the_same(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors")
    data = (tmp_path / "a.safetensors").read_bytes()
    fsspec.filesystem("memory").pipe("/weights/a.safetensors", data)
    found, _, sha256 = read_tensors(Folder("memory://weights"), "a.safetensors")
    assert_equal(found)
    assert sha256 == hashlib.sha256(data).hexdigest()


def test_of_a_training_checkpoint_the_model_is_read_and_the_rest_named(tmp_path: Path) -> None:
    torch.save({"state_dict": TENSORS | {"step": 3}, "epoch": 1, "optimizer": {"state": {}}}, tmp_path / "a.pt")
    found, beside, _ = read_tensors(Folder(str(tmp_path)), "a.pt")
    assert_equal(found)
    assert beside == ("epoch", "optimizer", "step")


class Harmless:
    """Of a class that only an unpickler would know."""


def test_code_is_never_unpickled(tmp_path: Path) -> None:
    torch.save({"a": Harmless()}, tmp_path / "a.pt")
    with pytest.raises(
        ValueError, match=r"a\.pt: expected tensors as torch\.save writes them, and nothing to be unpickl"
    ):
        read_tensors(Folder(str(tmp_path)), "a.pt")


def test_a_torchscript_archive_says_what_to_do(tmp_path: Path) -> None:
    torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(str(tmp_path / "ViT-B-32.pt"))
    with pytest.raises(
        ValueError, match=r"ViT-B-32\.pt is a TorchScript archive.*torch\.jit\.load.*state_dict"
    ) as refused:
        read_tensors(Folder(str(tmp_path)), "ViT-B-32.pt")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt"])
@pytest.mark.parametrize("data", [b"", b"\x00" * 64, b"not tensors at all"], ids=["empty", "zeros", "text"])
def test_other_files_are_refused_by_name(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=rf"{name}: expected ") as refused:
        read_tensors(Folder(str(tmp_path)), name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("body", [[torch.ones(1)], {"epoch": 3}, {}], ids=["list", "no tensors", "empty"])
def test_tensors_without_names_are_refused(tmp_path: Path, body: object) -> None:
    torch.save(body, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt: expected tensors by name, found "):
        read_tensors(Folder(str(tmp_path)), "a.pt")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("module", "found torch.nn.modules.linear.Linear, which is code"),
        ("global", "found posix.getcwd, which is code"),
        ("pickle", "found a pickle of something else"),
        ("text", "found something else"),
        ("cut", "found a file that torch cannot read: PytorchStreamReader failed reading zip archive"),
    ],
)
def test_a_refusal_says_what_was_found_and_gives_no_advice_to_unpickle_it(tmp_path: Path, body: str, told: str) -> None:
    path = tmp_path / "a.pt"
    if body == "text":
        path.write_bytes(b"hello")
    elif body == "pickle":
        path.write_bytes(pickle.dumps({"a": 1}, protocol=4))
    else:
        saved = {"module": torch.nn.Linear(2, 2), "global": {"a": Asking()}}
        torch.save(saved.get(body, {"a": torch.zeros(9)}), path)
        if body == "cut":
            path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"expected tensors as torch\.save writes them") as refused:
        read_tensors(Folder(str(tmp_path)), "a.pt")
    assert told in str(refused.value)
    assert "weights_only" not in str(refused.value)
    assert "\n" not in str(refused.value)


class Asking:
    """Its pickle asks for a call of a function of the system, a harmless one."""

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return os.getcwd, ()
