"""Tensors of another project's weights as those of our model: renamed, joined, transposed, fitted, never guessed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from trainer.weights.form.naming import IMAGE, PASSED_OVER, Naming, Source
from trainer.weights.normalisation import Normalisation, fold_normalisation
from trainer.weights.position_embeddings import resize_positions

_CONVOLUTION = f"{IMAGE}conv1.weight"
_POSITIONS = f"{IMAGE}positional_embedding"
_IMAGE_POSITIONS = (_POSITIONS, f"{IMAGE}attnpool.positional_embedding")


@dataclass(frozen=True)
class Converted:
    """Weights for our model."""

    tensors: dict[str, torch.Tensor]
    """By our names, of the shapes that were wanted; no entry where these weights have nothing."""
    beside: tuple[str, ...]
    """Names of what the file holds beside them, sorted."""
    notes: tuple[str, ...]
    """What was done to them, to be told."""


def convert(
    wanted: Mapping[str, torch.Size],
    given: Mapping[str, torch.Tensor],
    naming: Naming,
    normalisation: Normalisation,
    where: str,
) -> Converted:
    """Return the tensors of our names and shapes `wanted`, made of those `given` by their plain names.

    Raises ValueError that names `where`, the tensor, the shape expected and found.
    """
    sources = {ours: source for ours in wanted if (source := naming.source(ours)) is not None}
    taken = {name for source in sources.values() for name in source.names}
    _refuse_missing(sources, given, naming, where)
    tensors = {
        ours: _joined(source, given) for ours, source in sources.items() if all(name in given for name in source.names)
    }
    notes: list[str] = []
    gained = _to_our_patches(tensors, given, naming, normalisation, notes, where)
    for ours, tensor in tensors.items():
        tensors[ours] = _fitted(ours, sources[ours], tensor, wanted[ours], notes, where)
    if gained is not None:
        tensors[_POSITIONS] = torch.cat([tensors[_POSITIONS][:1], tensors[_POSITIONS][1:] + gained])
    beside = given.keys() - taken - {naming.patch_bias}
    is_whole = any(not ours.startswith(IMAGE) for ours in sources)
    _refuse_unplaced(beside, naming.of_image + (naming.of_text if is_whole else ()), where)
    return Converted(tensors, tuple(sorted(name for name in beside if not name.endswith(PASSED_OVER))), tuple(notes))


def _refuse_missing(
    sources: Mapping[str, Source], given: Mapping[str, torch.Tensor], naming: Naming, where: str
) -> None:
    missing = [name for source in sources.values() for name in source.names if name not in given]
    missing = [name for name in missing if not name.endswith(PASSED_OVER)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ValueError(
            f"{where}: no tensor {missing[0]!r}{more}, which the model has by the names of {naming.title}; "
            "give the --model that the weights are of"
        )


def _refuse_unplaced(beside: Iterable[str], places: tuple[str, ...], where: str) -> None:
    unplaced = sorted(name for name in beside if name.startswith(places) and not name.endswith(PASSED_OVER))
    if unplaced:
        more = f" and {len(unplaced) - 1} more" if len(unplaced) > 1 else ""
        raise ValueError(
            f"{where}: the model has no place for tensor {unplaced[0]!r}{more}; give the --model that the weights are "
            "of, if this trainer has it"
        )


def _joined(source: Source, given: Mapping[str, torch.Tensor]) -> torch.Tensor:
    parts = [given[name] for name in source.names]
    tensor = parts[0] if len(parts) == 1 else torch.cat(parts)
    return tensor.T if source.is_transposed else tensor


def _to_our_patches(
    tensors: dict[str, torch.Tensor],
    given: Mapping[str, torch.Tensor],
    naming: Naming,
    normalisation: Normalisation,
    notes: list[str],
    where: str,
) -> torch.Tensor | None:
    """Scale the patch convolution to our normalisation; return what the patches' positions gain, None for nothing."""
    gained = None
    if naming.patch_bias is not None and naming.patch_bias in given:
        gained = given[naming.patch_bias].double()
    if normalisation.is_ours:
        return gained if gained is None else gained.float()
    if _POSITIONS not in tensors:
        raise ValueError(
            f"{where}: a ResNet for images of mean {normalisation.mean} and std {normalisation.std}; only weights for "
            "OpenAI's can be taken, as its padded convolutions know no other"
        )
    tensors[_CONVOLUTION], of_mean = fold_normalisation(tensors[_CONVOLUTION], normalisation)
    notes.append(f"normalisation of mean {normalisation.mean} and std {normalisation.std} taken into the patches")
    return (of_mean if gained is None else gained + of_mean).float()


def _fitted(
    ours: str, source: Source, tensor: torch.Tensor, wanted: torch.Size, notes: list[str], where: str
) -> torch.Tensor:
    """Return the tensor in float32 and in the shape `wanted`."""
    if not tensor.is_floating_point() and not ours.endswith(PASSED_OVER):
        raise ValueError(
            f"{where}: expected numbers with fractions in tensor {source.names[0]!r}, found {tensor.dtype}"
        )
    found = tensor.shape
    while tensor.ndim > len(wanted) and tensor.shape[0] == 1:
        tensor = tensor[0]
    if ours in _IMAGE_POSITIONS and tensor.ndim == 2 and tensor.shape != wanted and tensor.shape[1] == wanted[1]:
        tensor = resize_positions(tensor, wanted[0])
        notes.append(f"position embeddings interpolated from {found[-2] - 1} to {wanted[0] - 1} patches")
    if tensor.shape != wanted:
        shapes = [list(wanted), list(found)]
        if source.is_transposed:
            shapes = [shape[::-1] for shape in shapes]
        raise ValueError(
            f"{where}: tensor {' + '.join(source.names)!r} should have the shape {shapes[0]}, found {shapes[1]}; give "
            "the --model that the weights are of"
        )
    return tensor.float() if tensor.is_floating_point() else tensor
