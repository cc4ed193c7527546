"""Our tensors by another project's names: the way back of `trainer/weights/convert.py`, by the same tables of names."""

from collections.abc import Mapping

import torch

from trainer.weights.form.naming import Naming


def renamed(tensors: Mapping[str, torch.Tensor], naming: Naming) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """Return the tensors as `naming` has them, contiguous, and the names of ours that it has no place for.

    What we keep joined is cut into equal parts by rows, transposed weights are turned; no value changes.
    """
    found: dict[str, torch.Tensor] = {}
    left = []
    for ours, tensor in tensors.items():
        source = naming.source(ours)
        if source is None:
            left.append(ours)
            continue
        turned = tensor.T if source.is_transposed else tensor
        parts = turned.chunk(len(source.names)) if len(source.names) > 1 else (turned,)
        found |= {name: part.contiguous() for name, part in zip(source.names, parts, strict=True)}
    return found, tuple(left)
