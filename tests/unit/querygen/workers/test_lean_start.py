"""A process starts without what its libraries look for only because it is installed, and gets it when it asks."""

import subprocess
import sys

PROGRAM = """
from querygen.workers.lean_start import lean_start
import sys
lean_start()
assert not any(type(finder).__name__ == "_Absent" for finder in sys.meta_path)
print(*(name for name in ("cffi", "pandas", "scipy") if name in sys.modules))
import gc
assert gc.isenabled()
import scipy.stats
print("scipy" in sys.modules)
"""


def test_optional_packages_are_not_imported_and_still_can_be() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["", "True"]
