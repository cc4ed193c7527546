"""Commands whose output is closed end in silence with 141; other broken pipes are errors as ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.closed_pipe import EXIT_CODE, quiet_on_closed_pipe
from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).parents[3]


def run_without_reader(*arguments: str, both: bool = False) -> tuple[int, bytes]:
    """Run Python with a stdout that nobody reads (`both`: stderr, too); return the exit code and stderr."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, *arguments], stdout=writer, stderr=writer if both else subprocess.PIPE, cwd=ROOT,
            timeout=PATIENCE_S,
        )  # fmt: skip
    finally:
        os.close(writer)
    return done.returncode, done.stderr or b""


@pytest.mark.parametrize(
    "command",
    [("-m", "querygen", "build"), ("-m", "pipeline", "index"), ("-m", "trainer", "train"), ("trainer/run.py",)],
    ids=["querygen", "pipeline", "trainer", "trainer/run.py"],
)
def test_each_command_ends_in_silence(command: tuple[str, ...]) -> None:
    assert run_without_reader(*command, "--help") == (EXIT_CODE, b"")


BODY = """
import os, sys
from schemas.closed_pipe import quiet_on_closed_pipe
with quiet_on_closed_pipe():
    {}
"""


@pytest.mark.parametrize("both", [False, True], ids=["stdout", "both"])
@pytest.mark.parametrize("body", ["print('x')", "print('x', flush=True)", "print('x'); sys.exit(3)"])
def test_whenever_it_is_noticed(body: str, both: bool) -> None:
    assert run_without_reader("-c", BODY.format(body), both=both) == (EXIT_CODE, b"")


def test_what_is_written_to_stderr_counts_too() -> None:
    assert run_without_reader("-c", BODY.format("print('x', file=sys.stderr)"), both=True) == (EXIT_CODE, b"")


def test_a_command_that_writes_nothing_ends_as_ever() -> None:
    assert run_without_reader("-c", BODY.format("sys.exit(3)")) == (3, b"")


def test_another_broken_pipe_is_an_error() -> None:
    with pytest.raises(BrokenPipeError, match="of a connection"), quiet_on_closed_pipe():
        raise BrokenPipeError("of a connection")
