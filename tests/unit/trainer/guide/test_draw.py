"""Strokes led by a model that knows nothing: the similarity rises all the same, the same way for the same seed."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.support.small_model import write_small_model
from trainer.guide.draw import DECAYS, _decay, draw
from trainer.guide.rasterise import rasterise
from trainer.guide.strokes import Strokes
from trainer.use.frozen_clip import FrozenCLIP
from trainer.use.load import load

LEAST_RISE = 0.1
"""Of the way from a white picture to a red one, as the model sees them."""
OPTIONS: dict[str, Any] = {"num_strokes": 24, "steps": 100, "views": 4, "away_weight": 1.0, "seed": 0}
NONE_ME = torch.zeros((0, 16))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> FrozenCLIP:
    return load(write_small_model(tmp_path_factory.mktemp("model")), device="cpu").model


@torch.no_grad()
def feature(model: FrozenCLIP, pixels_3PP: torch.Tensor) -> torch.Tensor:
    return model.encode_images(255 * pixels_3PP[None])[0]


@pytest.fixture(scope="module")
def redness_E(model: FrozenCLIP) -> torch.Tensor:
    """The way from white to red, of that length."""
    white = torch.ones((3, 32, 32))
    red = white * torch.tensor([1.0, 0, 0])[:, None, None]
    return feature(model, red) - feature(model, white)


def rise(model: FrozenCLIP, strokes: tuple[Strokes, Strokes], way_E: torch.Tensor) -> float:
    """Return how far the drawing moved on the way, 1 for all of it."""
    first, last = (feature(model, rasterise(one, 32)) for one in strokes)
    return float((last - first) @ way_E / way_E.square().sum())


def test_the_similarity_rises(model: FrozenCLIP, redness_E: torch.Tensor) -> None:
    heard: list[float] = []
    wanted_E = F.normalize(redness_E, dim=0)
    found = draw(model, wanted_E, NONE_ME, **OPTIONS, progress=lambda step, value: heard.append(value))
    assert rise(model, found, redness_E) >= LEAST_RISE
    assert len(heard) == OPTIONS["steps"]
    assert sum(heard[-20:]) > sum(heard[:20])
    assert model.logit_scale.grad is None


def test_led_away_from_a_text(model: FrozenCLIP, redness_E: torch.Tensor) -> None:
    away_ME = F.normalize(redness_E, dim=0)[None]
    assert rise(model, draw(model, torch.zeros(16), away_ME, **OPTIONS), redness_E) < 0


def test_the_same_for_the_same_seed(model: FrozenCLIP) -> None:
    options = OPTIONS | {"steps": 3}
    wanted_E = torch.eye(16)[3]
    found = [draw(model, wanted_E, NONE_ME, **options | {"seed": seed})[1] for seed in (4, 4, 5)]
    for one, same in zip(found[0].parameters(), found[1].parameters(), strict=True):
        assert torch.equal(one, same)
    assert not torch.equal(found[0].points_K42, found[2].points_K42)


def test_rates_fall() -> None:
    (half, lower), (late, least) = DECAYS
    assert [_decay(share) for share in (0.0, half - 0.01, half, late - 0.01, late, 1.0)] == [
        1, 1, lower, lower, least, least
    ]  # fmt: skip
