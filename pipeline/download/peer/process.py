"""The process in which img2dataset runs: its arguments as JSON on the command line.

It ends when its standard input does, with the processes that it started: so nothing is left when ours is killed.
"""

import json
import os
import signal
import sys
import threading
from typing import Any


def main() -> None:
    """Run img2dataset once."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else it asks the internet for a newer version
    threading.Thread(target=_end_with_parent, daemon=True).start()
    arguments: dict[str, Any] = json.loads(sys.argv[1])
    import img2dataset  # seconds

    img2dataset.download(**arguments)


def _end_with_parent() -> None:
    os.read(0, 1)  # nothing is ever written
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
