"""What a command left out, told on stderr: the first ones by name, since all are counted in its summary."""

import sys
from collections.abc import Sequence

from schemas.printable import printable

MAX_TOLD = 20
"""Lines that are told."""


def tell_skipped(lines: Sequence[str]) -> None:
    """Print the first lines, each of what was skipped and why."""
    for line in lines[:MAX_TOLD]:
        print(f"skipped {printable(line)}", file=sys.stderr)
