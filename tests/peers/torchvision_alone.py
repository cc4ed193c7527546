"""Imported before torchvision, this lets it be imported beside the CPU build of torch.

The torchvision of PyPI is compiled for CUDA; beside a torch without CUDA its library does not load, its operators
are not there, and the import ends in "operator torchvision::nms does not exist". Its transforms need none of them.
"""

import torch

if torch.version.cuda is None:
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for _name in ("nms", "qnms"):
        _library.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
