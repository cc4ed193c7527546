"""Templates alone and together: features of images and of prompts in, zero-shot accuracies out.

Shapes: N images, K classes, T templates, E embedding; features have length one. Held beside them: the cosines of
`ROWS_AT_ONCE` images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Alone:
    """What one template is worth."""

    template: int
    accuracy: float
    """Of this template alone."""
    added: float
    """What the ensemble of all has above the ensemble of all others; of one template its accuracy."""


def ensemble_classes(prompts_KTE: torch.Tensor, templates: Sequence[int]) -> torch.Tensor:
    """Return ``[K, E]``: the mean of these templates' features, of length one again (CLIP, section 3.1.4)."""
    return F.normalize(prompts_KTE[:, list(templates)].mean(dim=1), dim=-1)


def ensemble_accuracy(
    images_NE: torch.Tensor, labels_N: torch.Tensor, prompts_KTE: torch.Tensor, templates: Sequence[int]
) -> float:
    """Return the accuracy of the nearest class by these templates."""
    classes_KE = ensemble_classes(prompts_KTE, templates)
    right = sum(
        int(((rows_nE @ classes_KE.T).argmax(dim=1) == labels_n).sum())
        for rows_nE, labels_n in zip(images_NE.split(ROWS_AT_ONCE), labels_N.split(ROWS_AT_ONCE), strict=True)
    )
    return right / len(labels_N)


def each_template(images_NE: torch.Tensor, labels_N: torch.Tensor, prompts_KTE: torch.Tensor) -> list[Alone]:
    """Return what each template is worth alone, and what the ensemble of all loses without it."""
    everything = list(range(prompts_KTE.shape[1]))
    all_together = ensemble_accuracy(images_NE, labels_N, prompts_KTE, everything)
    found = []
    for template in everything:
        others = [other for other in everything if other != template]
        without = ensemble_accuracy(images_NE, labels_N, prompts_KTE, others) if others else 0.0
        alone = ensemble_accuracy(images_NE, labels_N, prompts_KTE, [template])
        found.append(Alone(template, alone, all_together - without))
    return found


def greedy_ensemble(
    images_NE: torch.Tensor, labels_N: torch.Tensor, prompts_KTE: torch.Tensor, most: int
) -> list[tuple[int, float]]:
    """Return templates in the order they are taken, with the ensemble's accuracy after each, up to `most`.

    Each is the one that makes the ensemble best, the first of equals; it ends where none makes it better.
    """
    taken: list[tuple[int, float]] = []
    while len(taken) < min(most, prompts_KTE.shape[1]):
        before = [template for template, _ in taken]
        left = [template for template in range(prompts_KTE.shape[1]) if template not in before]
        values = [ensemble_accuracy(images_NE, labels_N, prompts_KTE, [*before, template]) for template in left]
        best = int(np.argmax(values))
        if taken and values[best] <= taken[-1][1]:
            break
        taken.append((left[best], values[best]))
    return taken
