"""Collects the tests twice and compares: the same ids in the same order, whatever the time and the surroundings.

In: this checkout. Out: one line with their number; or what differs, and exit code 1.

The second collection starts when the first has ended, so seconds later, on a copy of the checkout in another folder
with nothing beside it (no real data), and with another hash seed, time zone, locale, home and user mask.

    python -m tests.collected
"""

import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READ = ("schemas", "querygen", "pipeline", "trainer", "tests", "pyproject.toml")
"""What of a checkout a collection reads."""

FIRST = {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
SECOND = {
    "PYTHONHASHSEED": "2", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
}  # fmt: skip


def main() -> int:
    """Print what was found; 1 where the collections differ."""
    first, second = collect_twice(ROOT)
    if first == second:
        print(f"{len(first)} tests, the same in two collections")
        return 0
    print("\n".join(difference(first, second)), file=sys.stderr)
    print(
        f"error: of two collections one has {len(first)} tests, the other {len(second)}; above is what differs: "
        "no id, order or number of tests may depend on time, chance or surroundings",
        file=sys.stderr,
    )
    return 1


def collect_twice(root: Path) -> tuple[list[str], list[str]]:
    """Collect the tests of a checkout, then those of its copy elsewhere; return the ids of both, in order."""
    first = collect(root, FIRST, umask=0o022)
    with tempfile.TemporaryDirectory(prefix="collected-") as temporary:
        copy = Path(temporary) / "another folder" / "checkout"
        for name in READ:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, copy / name)
            elif source.exists():
                shutil.copy2(source, copy / name)
        return first, collect(copy, SECOND | {"HOME": temporary}, umask=0o077)


def collect(root: Path, variables: dict[str, str], umask: int) -> list[str]:
    """Return the ids of the tests in the order of their collection.

    Raises SystemExit with pytest's words where a file cannot be collected.
    """
    others = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "LANG"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=root, env=others | variables, umask=umask, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(
            f"{done.stdout[-10_000:]}{done.stderr[-10_000:]}error: the tests of {root} cannot be collected"
        )
    return [line for line in done.stdout.splitlines() if "::" in line]


def difference(first: list[str], second: list[str], most: int = 40) -> list[str]:
    """Return the first lines of what differs, marked - and +."""
    lines = list(difflib.unified_diff(first, second, lineterm="", n=0))[2:]
    left_out = len(lines) - most
    return lines[:most] + ([f"... and {left_out} lines more"] if left_out > 0 else [])


if __name__ == "__main__":
    sys.exit(main())
