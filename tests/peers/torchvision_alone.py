"""Imported before torchvision, this lets it be imported beside any build of torch.

The torchvision of PyPI is compiled for CUDA; beside a torch without CUDA, or of another version, its library does not
load, its operators are not there, and the import ends in "operator torchvision::nms does not exist". Its transforms
need none of them. Where the library loads its own operators stay: two of one name would be refused.
"""

import importlib.util
from pathlib import Path

import torch


def _loads() -> bool:
    """Tell whether torchvision's library loads here; then it is loaded."""
    spec = importlib.util.find_spec("torchvision")
    folder = Path(spec.origin).parent if spec is not None and spec.origin is not None else Path()
    try:
        for library in folder.glob("_C*.so"):
            torch.ops.load_library(library)
            return True
    except OSError:
        pass
    return False


if not _loads():
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for _name in ("nms", "qnms"):
        _library.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
