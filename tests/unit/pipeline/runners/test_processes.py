"""Child processes that end when their parent does, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.runners.processes import run_below
from tests.support.process_tree import NEEDS_PROC, is_alive, wait_until_gone
from tests.support.waiting import PATIENCE_S, wait_until

HERE = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[4])!r})\n"
CHILD = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1e6)"
PARENTS = {
    "exit with parent": "from pipeline.runners.processes import exit_with_parent\nexit_with_parent()\n",
    "die with parent": "from pipeline.runners.processes import die_with_parent\ndie_with_parent()\n",
}
LAUNCH = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]]); time.sleep(1e6)"


@NEEDS_PROC
@pytest.mark.parametrize("how", PARENTS)
def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path, how: str) -> None:
    told = tmp_path / "child"
    child = f"{HERE}{PARENTS[how]}{CHILD}"
    with subprocess.Popen([sys.executable, "-c", LAUNCH, child, str(told)]) as parent:
        wait_until(lambda: told.exists() and told.read_text(), "the child's number")
        number = int(told.read_text())
        assert is_alive(number)
        os.kill(parent.pid, signal.SIGKILL)
    wait_until_gone([number])


def test_a_command_below_gives_its_status() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        assert run_below([sys.executable, "-S", "-c", "import sys; sys.exit(7)"]) == 7
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), handlers, strict=True):
            signal.signal(number, handler)


def test_a_command_that_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up', 'w'); time.sleep(1e6)"
    program = f"{HERE}from pipeline.runners import processes\nprocesses.STOP_S = 0.1\n"
    program += f"sys.exit(-processes.run_below([sys.executable, '-S', '-c', {stubborn!r}]))"
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path) as process:
        wait_until((tmp_path / "up").exists, "the command")
        process.terminate()
        assert process.wait(PATIENCE_S) == signal.SIGKILL
