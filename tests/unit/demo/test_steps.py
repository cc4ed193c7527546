"""A step shows its command as it can be typed, streams it, and stops the demo when it fails."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.demo.steps import REPOSITORY, DemoFailed, Steps, environment, shown


def steps() -> tuple[Steps, io.StringIO]:
    written = io.StringIO()
    return Steps(Console(file=written, width=100)), written


def test_a_command_is_shown_quoted_and_timed() -> None:
    run, written = steps()
    run.run("hello", sys.executable, "-c", "pass", "two words*")
    assert f"$ {sys.executable} -c pass 'two words*'" in written.getvalue()
    assert 0 < run.seconds["hello"] < 30


def test_a_failing_command_stops_the_demo_with_its_exit_code() -> None:
    run, _ = steps()
    with pytest.raises(DemoFailed, match=r"bad: .* exit code 3"):
        run.run("bad", sys.executable, "-c", "raise SystemExit(3)")


def test_this_environment_comes_first_and_no_other_cluster_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://elsewhere:10001")
    found = environment()
    assert found["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert "RAY_ADDRESS" not in found


def test_paths_are_shown_as_typed_in_the_repository(tmp_path: Path) -> None:
    assert shown(REPOSITORY / "demo-output" / "run") == "demo-output/run"
    assert shown(tmp_path) == str(tmp_path.resolve())
