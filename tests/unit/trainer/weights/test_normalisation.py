"""Weights for pixels of another mean and deviation give the same features of our pixels."""

import pytest
import torch
import torch.nn.functional as F

from trainer.model.clip import IMAGE_MEAN, IMAGE_STD
from trainer.weights.normalisation import Normalisation, fold_normalisation, normalisation_of

HALF = Normalisation((0.5, 0.4, 0.3), (0.5, 0.25, 0.2))


def test_the_folded_convolution_sees_the_same_of_our_pixels() -> None:
    torch.manual_seed(0)
    weight = torch.randn(7, 3, 4, 4, dtype=torch.float64)
    pixels = torch.rand(2, 3, 8, 8, dtype=torch.float64)

    def normalised(mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
        shape = (1, 3, 1, 1)
        return (pixels - torch.tensor(mean, dtype=torch.float64).view(shape)) / torch.tensor(
            std, dtype=torch.float64
        ).view(shape)

    wanted = F.conv2d(normalised(HALF.mean, HALF.std), weight, stride=4)
    folded, gained = fold_normalisation(weight, HALF)
    found = F.conv2d(normalised(IMAGE_MEAN, IMAGE_STD), folded, stride=4) + gained.view(1, -1, 1, 1)
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-12)


def test_openais_is_ours() -> None:
    assert Normalisation().is_ours
    assert normalisation_of([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711], "x").is_ours
    assert not HALF.is_ours


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.5, 0.5], [0.5, 0.5, 0.5], "config.json: expected mean and std of three channels"),
        ("x", None, "config.json: expected mean and std of three channels"),
        ([0.5, 0.5, 0.5], [0.5, 0.0, 0.5], "std must be above 0, found"),
    ],
    ids=["two", "text", "zero"],
)
def test_others_are_refused(mean: object, std: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        normalisation_of(mean, std, "config.json")
