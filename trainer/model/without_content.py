"""Tensors that have shapes and no content: what a model of any size takes is found out on any machine."""

from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode


def without_content(model: nn.Module | None = None) -> FakeTensorMode:
    """Return the mode in which operations make shapes alone: that in which `model` was made, else a new one."""
    for parameter in model.parameters() if model is not None else ():
        if isinstance(parameter, FakeTensor):
            return parameter.fake_mode
    return FakeTensorMode(allow_non_fake_inputs=True)
