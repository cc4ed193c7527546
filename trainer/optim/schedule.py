"""Cosine learning rate with linear warm-up, keyed to samples seen, so that it does not depend on workers."""

import math


def learning_rate(samples: int, *, peak: float, warmup_samples: int, total_samples: int) -> float:
    """Return the rate of the step that ends after `samples` samples: up to `peak`, then down to 0 by a cosine.

    CLIP, section 2.5. A warm-up as long as the run never reaches the cosine.
    """
    if samples < warmup_samples:
        return peak * samples / warmup_samples
    progress = min(1.0, (samples - warmup_samples) / max(1, total_samples - warmup_samples))
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
