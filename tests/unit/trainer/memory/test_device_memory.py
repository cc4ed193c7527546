"""The memory that a plan is for: said, or assumed and told."""

import os
from pathlib import Path

import pytest

from trainer.memory.config import MemoryPlanConfig
from trainer.memory.device_memory import device_memory, machine_bytes


def test_what_is_said_is_taken() -> None:
    for device in ("cpu", "cuda"):
        memory = device_memory(MemoryPlanConfig(device=device, gpu_gb=4.5), 2)
        assert (memory.num_bytes, memory.told) == (4_500_000_000, "4.5 GB")


def test_a_gpu_is_assumed_and_told() -> None:
    memory = device_memory(MemoryPlanConfig(device="cuda"), 2)
    assert (memory.num_bytes, memory.told) == (80_000_000_000, "80 GB (assumed; --gpu-gb gives another)")


def test_workers_on_cpus_share_this_machine() -> None:
    one, two = (device_memory(MemoryPlanConfig(device="cpu"), workers) for workers in (1, 2))
    assert one.num_bytes == machine_bytes()
    assert two.num_bytes == machine_bytes() // 2
    assert two.told == (
        f"{machine_bytes() / 2e9:.3g} GB (of this machine's {machine_bytes() / 1e9:.3g}; --gpu-gb gives another)"
    )


@pytest.mark.parametrize(
    ("body", "is_limit"), [("1000000\n", True), ("max\n", False), (None, False)], ids=["limit", "max", "none"]
)
def test_a_container_has_its_limit(tmp_path: Path, body: str | None, is_limit: bool) -> None:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if body is not None:
        (tmp_path / "memory.max").write_text(body)
    assert machine_bytes(tmp_path / "memory.max") == (1_000_000 if is_limit else whole)
