"""Run by an environment of peers: a block of documentation on standard input is run; what its names hold comes out.

Arguments: the KEY and PAIR it speaks of. As JSON: the length of each value, or the value where it is a number.
"""

import json
import os
import sys


def main() -> None:
    """Run the block."""
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    names: dict = {"KEY": sys.argv[1], "PAIR": sys.argv[2]}
    exec(compile(sys.stdin.read(), "documentation", "exec"), names)
    wanted = ("found", "same", "pair", "before")
    values = {name: names[name] for name in wanted if name in names}
    print(json.dumps({name: value if isinstance(value, int) else len(value) for name, value in values.items()}))


main()
