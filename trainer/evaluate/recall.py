"""What counts as found in retrieval: one rule for a run's own evaluations and for `trainer evaluate retrieval`.

A query's own answer is found at k where fewer than k others are nearer to it (CLIP, section 3.1.5); those that are
equally near do not count, so that the same caption twice is as good as one. Shapes: N queries, M answers, E embedding.
"""

import torch

from trainer.evaluate.measures import RANKS

TIE = 1e-5
"""Cosines this near are equal, as those of the same caption twice are but for rounding."""


def cosines(from_NE: torch.Tensor, to_ME: torch.Tensor) -> torch.Tensor:
    """Return ``[N, M]`` in full precision, whatever autocast says: in half precision many would be equal."""
    with torch.autocast(from_NE.device.type, enabled=False):
        return from_NE @ to_ME.T


def is_nearer(cosines_NM: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Return which answers are nearer than the own one, whose cosines `own` are ``[N, 1]``, or ``[1, M]``."""
    return cosines_NM > own + TIE


def found_at_ranks(nearer_N: torch.Tensor) -> torch.Tensor:
    """Return how many queries are found at each of `RANKS`, by how many answers are nearer than their own; float64."""
    return torch.stack([(nearer_N < rank).sum().double() for rank in RANKS])
