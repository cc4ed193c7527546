"""As many processes as were asked for and fit the memory; one works in this process."""

import os

import pytest

from querygen.workers import pool as module
from querygen.workers.pool import processes


class Pool:
    """Notes what it is told."""

    made: list["Pool"]

    def __init__(self, number: int, **options: object) -> None:
        self.number, self.submitted, self.is_shut = number, 0, False
        Pool.made.append(self)

    def submit(self, work: object) -> None:
        self.submitted += 1

    def shutdown(self, cancel_futures: bool) -> None:
        self.is_shut = cancel_futures


@pytest.mark.parametrize(
    ("num_processes", "memory_gb", "number"),
    [(1, 1e9, 1), (4, 1e9, 4), (4, module.GIGABYTES_PER_PROCESS * 2.9, 2), (4, 0.1, 1), (0, 1e9, None)],
    ids=["one", "four", "memory for two", "little memory", "all cores"],
)
def test_how_many(num_processes: int, memory_gb: float, number: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    Pool.made = []
    monkeypatch.setattr(module, "ProcessPoolExecutor", Pool)
    number = number or len(os.sched_getaffinity(0))

    def fail() -> None:
        with processes(num_processes, memory_gb, lambda: None) as pool:
            assert (pool is None) == (number == 1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [(one.number, one.submitted, one.is_shut) for one in Pool.made] == [(number, number, True)] * (number > 1)
