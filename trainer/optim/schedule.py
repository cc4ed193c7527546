"""The learning rate by samples seen, so that it does not depend on workers: a warm-up, then one of three shapes."""

import math
from typing import Literal

from trainer.options.optim import OptimOptions

ScheduleName = Literal["cosine", "constant", "constant-cooldown"]

COOLDOWN_SHARE = 5
"""By default the cool-down is one part of so many of the run (Hägele et al., arXiv 2405.18392: 10 to 20 %)."""


def learning_rate(
    samples: int,
    *,
    peak: float,
    warmup_samples: int,
    total_samples: int,
    schedule: ScheduleName = "cosine",
    cooldown_samples: int = 0,
    final: float = 0.0,
) -> float:
    """Return the rate of the step that ends after `samples` samples.

    Up to `peak`, then by `schedule`: down to `final` by a cosine (CLIP, section 2.5); constant; constant, and over the
    last `cooldown_samples` down to `final` in a line (Zhai et al., arXiv 2106.04560). A warm-up as long as the run
    never reaches the rest. Give the result to `trainer.optim.adamw.set_learning_rate` before each step.
    """
    if samples < warmup_samples:
        return peak * samples / warmup_samples
    if schedule == "constant":
        return peak
    start = warmup_samples if schedule == "cosine" else max(warmup_samples, total_samples - cooldown_samples)
    progress = min(1.0, max(0, samples - start) / max(1, total_samples - start))
    left = 0.5 * (1 + math.cos(math.pi * progress)) if schedule == "cosine" else 1 - progress
    return final + (peak - final) * left


def find_cooldown(options: OptimOptions, *, num_samples: int, total_samples: int) -> int:
    """Return the samples of the cool-down, which `options` say in samples, in epochs of `num_samples`, or not at all.

    Raises ValueError for one that is longer than the run of `total_samples`.
    """
    if options.schedule != "constant-cooldown":
        return 0
    wanted = options.cooldown_samples
    if options.cooldown_epochs is not None:
        wanted = round(options.cooldown_epochs * num_samples)
    if wanted is None:
        return total_samples // COOLDOWN_SHARE
    if wanted > total_samples:
        name = "cooldown_samples" if options.cooldown_samples is not None else "cooldown_epochs"
        raise ValueError(
            f"{name} must be at most the run's {total_samples:,} samples, found {wanted:,} samples; "
            "give fewer, or a longer run"
        )
    return wanted
