"""One step of the demo: a public command, shown as it can be typed, run with its output streamed, and timed."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from tests.support.waiting import PATIENT_RAY

REPOSITORY = Path(__file__).resolve().parents[2]


class DemoFailed(Exception):
    """A command failed or a promised property does not hold."""


@dataclass
class Steps:
    """Runs commands one after the other and keeps the seconds of each."""

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, title: str, *command: str | Path, extra_environment: Mapping[str, str] | None = None) -> None:
        """Print `command`, run it in the repository's root, add its time to `seconds[title]`.

        Raises DemoFailed when it ends with another exit code than 0.
        """
        words = [str(word) for word in command]
        self.console.rule(f"[bold]{title}", align="left")
        self.console.print(f"$ {shlex.join(words)}\n", style="bold cyan", soft_wrap=True, highlight=False, markup=False)
        start = time.perf_counter()
        returned = subprocess.run(
            words, cwd=REPOSITORY, env=environment() | dict(extra_environment or {}), check=False
        ).returncode
        self.seconds[title] = self.seconds.get(title, 0.0) + time.perf_counter() - start
        if returned:
            raise DemoFailed(f"{title}: the command above ended with exit code {returned}")
        self.console.print(f"[dim]{self.seconds[title]:.1f} s\n")


def environment() -> dict[str, str]:
    """Return the environment of the demo's commands: this virtual environment's programs come first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    without = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return {**PATIENT_RAY, **without, "PATH": path, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONUNBUFFERED": "1"}


def shown(path: Path) -> str:
    """Return `path` as it is typed in the repository's root: relative when it lies below."""
    absolute = path.resolve()
    return str(absolute.relative_to(REPOSITORY)) if absolute.is_relative_to(REPOSITORY) else str(absolute)
