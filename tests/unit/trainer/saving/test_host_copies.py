"""Copies hold what was, contiguous, in memory that is taken once."""

import torch

from trainer.saving.host_copies import HostCopies


def test_copies_do_not_change_with_what_was_copied() -> None:
    weight = torch.arange(24.0).view(1, 2, 3, 4).to(memory_format=torch.channels_last)
    copies = HostCopies()
    files = {"a": {"x": weight, "y": torch.tensor(3)}, "b": {"x": weight[0, 0]}}
    first = copies.take(files)
    first.wait()
    wanted = weight.clone()
    weight += 1
    assert torch.equal(first.files["a"]["x"], wanted)
    assert first.files["a"]["x"].is_contiguous()
    assert torch.equal(first.files["b"]["x"], wanted[0, 0])
    second = copies.take(files)
    assert second.files["a"]["x"].data_ptr() == first.files["a"]["x"].data_ptr()
    assert torch.equal(second.files["a"]["x"], weight)
    assert second.files["a"]["y"] == 3


def test_what_does_not_change_yet_is_copied_by_whoever_waits() -> None:
    weight, mean = torch.ones(3), torch.ones(2)
    copied = HostCopies().take({"a": {"weight": weight, "mean": mean}}, changing={"mean"})
    mean += 1
    assert torch.equal(copied.files["a"]["mean"], torch.ones(2))
    assert not copied.taken.is_set()
    copied.wait()
    assert copied.taken.is_set()
    weight += 1
    assert torch.equal(copied.files["a"]["weight"], torch.ones(3))
    copied.wait()
    assert torch.equal(copied.files["a"]["weight"], torch.ones(3)), "copies are made once"
