"""The memory of the device that a plan is for: what the options say, else an assumption, which is told."""

import os
from dataclasses import dataclass
from pathlib import Path

from trainer.memory.config import MemoryPlanConfig

DEFAULT_GPU_GB = 80.0
"""Of an A100 or H100."""
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class DeviceMemory:
    """What a worker's device has."""

    num_bytes: int
    told: str
    """In 10^9 bytes, and whence it is known if no option says it."""


def device_memory(config: MemoryPlanConfig, workers: int) -> DeviceMemory:
    """Return the memory of each worker's GPU, or of what a CPU worker has."""
    if config.gpu_gb is not None:
        return DeviceMemory(int(config.gpu_gb * 1e9), f"{config.gpu_gb:g} GB")
    if config.device != "cpu":
        return DeviceMemory(int(DEFAULT_GPU_GB * 1e9), f"{DEFAULT_GPU_GB:g} GB (assumed; --gpu-gb gives another)")
    whole = machine_bytes()
    share = whole // workers
    return DeviceMemory(share, f"{share / 1e9:.3g} GB (of this machine's {whole / 1e9:.3g}; --gpu-gb gives another)")


def machine_bytes(limit: Path = _CGROUP_LIMIT) -> int:
    """Return this machine's memory, or what of it this container may have."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(whole, int(limit.read_text()))
    except (OSError, ValueError):  # no cgroup, or "max"
        return whole
