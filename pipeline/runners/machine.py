"""What this machine has left for a job: memory and cores, within the limits of its container."""

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60
"""cgroup v1 writes "no limit" as a number near 2**63."""


def available_bytes(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = _CGROUP) -> int | None:
    """Return the bytes of memory that can still be used: the machine's, or what the cgroup leaves; None: not known.

    Page cache counts as available in both: the kernel gives it back.
    """
    found = []
    if meminfo.is_file():
        fields = {line.split(":")[0]: line.split()[1] for line in meminfo.read_text().splitlines() if ":" in line}
        if "MemAvailable" in fields:
            found.append(int(fields["MemAvailable"]) * 1024)
    for limit_name, used_name, cache_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit_file, used_file = cgroup / limit_name, cgroup / used_name
        if not limit_file.is_file() or not used_file.is_file():
            continue
        limit = limit_file.read_text().strip()
        if limit.isdigit() and int(limit) < _NO_LIMIT:
            statistics = limit_file.parent / "memory.stat"
            lines = statistics.read_text().splitlines() if statistics.is_file() else []
            cache = next((int(line.split()[1]) for line in lines if line.split()[0] == cache_name), 0)
            found.append(max(0, int(limit) - int(used_file.read_text()) + cache))
    return min(found) if found else None


def available_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
