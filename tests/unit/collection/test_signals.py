"""The tests that interrupt a command do so wherever they are started from."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CHILD = "import signal; print(signal.getsignal(signal.SIGINT).__name__)"
PROGRAM = f"import tests.conftest, subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}], check=True)"


def test_what_tests_start_can_be_interrupted_in_a_background_job_too() -> None:
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    done = subprocess.run(
        [*ignoring, sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout == "default_int_handler\n"
