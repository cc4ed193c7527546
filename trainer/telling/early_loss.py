"""Ranges of the early loss that follow from what a run begins with, for runs of which nobody has measured any.

    B pairs, E dimensions, logits s * cosine; W steps of warm-up, 500 at least: a short run's warm-up is a few steps, in
    which nothing is learnt; x = 0.5 for what a row of few steps may be off

    from-scratch   row 1          ln B - x .. ln B + s^2 / 2E + x    features that know nothing of one another
                   row of step W  below ln B - 0.1                   something is learnt
    fine-tuning    row 1          below ln B - 0.1                   the given weights know something
    locked-image   row of step W  below ln B - 0.1                   the texts begin to

The loss of a row of logits with variance v is ln B + v / 2 on average where the matching pair is one like the others
(the mean of a log-normal), and cosines of directions that are drawn at random have variance 1 / E at most where
features lie all around; first features lie close together, so v is less. ln B less the loss is a lower bound of the
mutual information of images and texts (InfoNCE: van den Oord et al., arXiv 1807.03748; Poole et al., arXiv 1905.06922),
so captions of other images, broken weights or a rate that destroys them stay at ln B or above, as long as pairs are
new: W lies in the first epoch of a large set.
"""

import math
from typing import Literal, get_args

EarlyLossName = Literal["from-scratch", "fine-tuning", "locked-image"]
NAMES: tuple[str, ...] = get_args(EarlyLossName)

MARGIN, LEARNT, LEAST_STEPS = 0.5, 0.1, 500
FIRST_SCALE = 1 / 0.07
"""Of the logits (CLIP, section 2.5)."""


def early_loss(
    name: str, *, global_batch_size: int, embed_dim: int, warmup_steps: int
) -> dict[int, tuple[float, float]]:
    """Return (lowest, highest) loss of the first row of metrics from each step on, of the contrastive loss."""
    chance = math.log(global_batch_size)
    start = (chance - MARGIN, chance + FIRST_SCALE**2 / (2 * embed_dim) + MARGIN)
    learnt = (0.0, chance - LEARNT)
    warm = max(LEAST_STEPS, warmup_steps)
    return {
        "from-scratch": {1: start, warm: learnt},
        "fine-tuning": {1: learnt},
        "locked-image": {warm: learnt},
    }[name]
