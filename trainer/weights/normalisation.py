"""Mean and standard deviation of the pixels that weights were trained on, made those of our model.

(x - m') / s' is a line in (x - m) / s, so a patch convolution takes it in: its weights are scaled, and what each patch
gains goes into the patches' position embeddings. Exact, since patches neither overlap nor reach beyond the image; a
ResNet's padded convolutions cannot.
"""

from dataclasses import dataclass

import torch

from trainer.model.clip import IMAGE_MEAN, IMAGE_STD

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Normalisation:
    """Per channel, of pixels in 0 .. 1."""

    mean: Triple = IMAGE_MEAN
    std: Triple = IMAGE_STD

    @property
    def is_ours(self) -> bool:
        pairs = zip((*self.mean, *self.std), (*IMAGE_MEAN, *IMAGE_STD), strict=True)
        return all(abs(theirs - ours) < 1e-6 for theirs, ours in pairs)


def normalisation_of(mean: object, std: object, where: str) -> Normalisation:
    """Return it of values read from JSON. Raises ValueError that names `where`."""
    for values in (mean, std):
        if not (
            isinstance(values, list) and len(values) == 3 and all(isinstance(value, int | float) for value in values)
        ):
            raise ValueError(f"{where}: expected mean and std of three channels, found {mean!r} and {std!r}")
    if min(std) <= 0:  # type: ignore[call-overload]
        raise ValueError(f"{where}: std must be above 0, found {std!r}")
    return Normalisation(tuple(mean), tuple(std))  # type: ignore[arg-type]


def fold_normalisation(
    convolution_C3PP: torch.Tensor, normalisation: Normalisation
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the patch convolution for our normalisation, and what it no longer adds to each patch ``[C]``."""
    mean, std, our_mean, our_std = (
        torch.tensor(values, dtype=torch.float64)
        for values in (normalisation.mean, normalisation.std, IMAGE_MEAN, IMAGE_STD)
    )
    wide_C3PP = convolution_C3PP.double()
    scaled_C3PP = wide_C3PP * (our_std / std).view(1, 3, 1, 1)
    gained_C = (wide_C3PP.sum(dim=(2, 3)) * ((our_mean - mean) / std)).sum(dim=1)
    return scaled_C3PP, gained_C
