"""The processes below a command, by kind: read from /proc, so on Linux only."""

import os
from pathlib import Path

import pytest

from tests.support.waiting import wait_until

NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="no /proc to find processes in")


def _stat(process: int) -> tuple[str, int]:
    """Return (state, parent) of a process; state is empty when there is none."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", 0
    return fields[0], int(fields[1])


def is_alive(process: int) -> bool:
    """Tell whether the process runs (a zombie does not)."""
    return _stat(process)[0] not in ("", "Z", "X")


def command_line(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def children(process: int) -> list[int]:
    found = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return sorted(other for other in found if _stat(other)[1] == process and is_alive(other))


def descendants(process: int) -> list[int]:
    found = children(process)
    return found + [below for child in found for below in descendants(child)]


def fork_servers(launcher: int) -> list[int]:
    """Return the server of forks: the child that is the same program, unless it has become another one."""
    return [child for child in children(launcher) if command_line(child) == command_line(launcher)]


def forked_workers(launcher: int) -> list[int]:
    forks = [child for server in fork_servers(launcher) for child in children(server)]
    return [child for child in forks if command_line(child) == command_line(launcher)]


def programs(launcher: int, part: str) -> list[int]:
    """Return the processes below `launcher` with an argument that ends with `part`."""
    return [
        child
        for child in descendants(launcher)
        if any(argument.endswith(part) for argument in command_line(child))
        and command_line(child) != command_line(launcher)
    ]


def wait_until_gone(processes: list[int]) -> None:
    """Wait until none of the processes runs. Raises AssertionError when one stays."""
    wait_until(lambda: not any(is_alive(process) for process in processes), f"the end of the processes {processes}")
