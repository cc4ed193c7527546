"""The memory that is left: the machine's, or less where a container has a limit."""

from pathlib import Path

from pipeline.runners.machine import available_bytes, available_cores

MEMINFO = "MemTotal:       8000 kB\nMemFree:         100 kB\nMemAvailable:   5000 kB\n"


def test_the_tightest_limit_counts(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(MEMINFO)
    assert available_bytes(meminfo, tmp_path) == 5000 * 1024
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("2500000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 400000\n")
    assert available_bytes(meminfo, tmp_path) == 900_000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_bytes(meminfo, tmp_path) == 5000 * 1024
    assert available_bytes(tmp_path / "absent", tmp_path) is None


def test_the_old_kind_of_limit_counts_and_its_no_limit_does_not(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("100\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("1100\n")
    assert available_bytes(tmp_path / "absent", tmp_path) == 1000
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert available_bytes(tmp_path / "absent", tmp_path) is None


def test_there_is_a_core() -> None:
    assert available_cores() >= 1
