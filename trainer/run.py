"""Train under Ray: ``python trainer/run.py --shards DIR --model vit-b-32 --output DIR --num-workers N``.

Works uninstalled and from any directory. Inside a Ray job (or with RAY_ADDRESS) it uses that cluster, else it
starts Ray on this machine for the time of the run.
"""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
if str(_HERE.parent) not in sys.path:
    sys.path.insert(0, str(_HERE.parent))
if sys.path and Path(sys.path[0] or ".").resolve() == _HERE:
    del sys.path[0]  # python puts the script's folder first; its modules are imported as trainer.*

from schemas.command_options import read_options  # noqa: E402
from trainer.command_line import expected_errors  # noqa: E402
from trainer.config import TrainConfig  # noqa: E402
from trainer.workers.start import start  # noqa: E402


def main() -> None:
    """Read the command line and train; expected errors end with one line and exit code 2."""
    with expected_errors():
        config = read_options(TrainConfig, prog="trainer/run.py", arguments=sys.argv[1:])
        start(config)


if __name__ == "__main__":
    main()
