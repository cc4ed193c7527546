"""Run by the environments ``open_clip`` and ``transformers``: a command of `trainer`, with their packages beside ours.

Arguments: those of `trainer`.
"""

import importlib.util
import json

if importlib.util.find_spec("torchvision") is not None:
    import tests.peers.torchvision_alone  # noqa: F401  (before open_clip)

# isort: split
from trainer.__main__ import main

if __name__ == "__main__":
    main()
    print(json.dumps({"ended": True}))
