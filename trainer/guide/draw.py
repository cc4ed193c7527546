"""A text's features in, strokes whose picture is like it out: Adam on what random views of the picture look like.

Shapes: N views, M texts to be led away from, E embedding, P pixels per side.
"""

from collections.abc import Callable

import torch

from trainer.guide.rasterise import rasterise
from trainer.guide.strokes import Strokes, first_strokes
from trainer.guide.views import random_views
from trainer.use.frozen_clip import FrozenCLIP

POINT_RATE, WIDTH_RATE, COLOUR_RATE = 1 / 224, 0.1 / 224, 0.01
"""Learning rates of Adam (CLIPDraw: 1 pixel of 224, a tenth of one, 0.01)."""
DECAYS = ((0.5, 0.4), (0.75, 0.1))
"""From these shares of the steps on, rates times these (CLIPDraw: steps 500 and 750 of 1,000)."""


def draw(
    model: FrozenCLIP,
    wanted_E: torch.Tensor,
    away_ME: torch.Tensor,
    *,
    num_strokes: int,
    steps: int,
    views: int,
    away_weight: float,
    seed: int,
    progress: Callable[[int, float], object] = lambda step, similarity: None,
) -> tuple[Strokes, Strokes]:
    """Return the first strokes and the last; `progress` hears the mean similarity of a step's views.

    On one device, with one number of threads, the same for the same arguments.
    """
    generator = torch.Generator().manual_seed(seed)
    strokes = first_strokes(num_strokes, generator, model.device)
    first = strokes.detached()
    rates = (POINT_RATE, WIDTH_RATE, COLOUR_RATE)
    groups = [{"params": [part], "lr": rate} for part, rate in zip(strokes.parameters(), rates, strict=True)]
    optimizer = torch.optim.Adam(groups)
    image_px = model.config.image.image_px
    for step in range(steps):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * _decay(step / steps)
        optimizer.zero_grad()
        pixels_N3PP = 255 * random_views(rasterise(strokes, image_px), views, image_px, generator)
        features_NE = model.encode_images(pixels_N3PP)
        similarity = (features_NE @ wanted_E).mean()
        away = (features_NE @ away_ME.T).mean(dim=0).sum()
        (away_weight * away - similarity).backward()
        optimizer.step()
        strokes.keep_in_range()
        progress(step, float(similarity.detach()))
    return first, strokes.detached()


def _decay(share: float) -> float:
    return next((factor for begin, factor in reversed(DECAYS) if share >= begin), 1.0)
