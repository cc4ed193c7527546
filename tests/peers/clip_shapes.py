"""Run by the environment ``open_clip``: names and shapes of the weights of its CLIPs, on no device, as JSON.

Arguments: JSON files with our geometries. Out: a list with an object of shapes by name for each.
"""

import json
import sys
from pathlib import Path

import tests.peers.torchvision_alone  # noqa: F401  (before open_clip)

# isort: split
import open_clip
import torch

from tests.peers.clip_results import open_clip_config


def main() -> None:
    """Build each model on the meta device."""
    shapes = []
    for path in sys.argv[1:]:
        with torch.device("meta"):
            model = open_clip.CLIP(**open_clip_config(json.loads(Path(path).read_text())))
        shapes.append({name: list(tensor.shape) for name, tensor in model.state_dict().items()})
    print(json.dumps(shapes))


if __name__ == "__main__":
    main()
