"""The matching against all permutations, with the cost written out."""

from itertools import permutations

import numpy as np
import pytest
import torch

from trainer.detect.loss.matching import match


def cost(logit: float, box: np.ndarray, target: np.ndarray) -> float:
    p = 1 / (1 + np.exp(-logit))
    focal = -0.3 * (1 - p) ** 2 * np.log(p) + 0.7 * p**2 * np.log(1 - p)
    (a, b), (c, d) = ((one[:2] - one[2:] / 2, one[:2] + one[2:] / 2) for one in (box, target))
    shared = np.clip(np.minimum(b, d) - np.maximum(a, c), 0, None).prod()
    union = box[2:].prod() + target[2:].prod() - shared
    around = (np.maximum(b, d) - np.minimum(a, c)).prod()
    return focal + np.abs(box - target).sum() - (shared / union - (around - union) / around)


def boxes(rng: np.random.Generator, num: int) -> np.ndarray:
    return np.concatenate([rng.uniform(0.2, 0.8, (num, 2)), rng.uniform(0.05, 0.4, (num, 2))], axis=1)


@pytest.mark.parametrize("seed", range(8))
def test_the_cost_is_the_least_of_all_assignments(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_patches, num_queries, sizes = 5, 3, (3, 0, 2)
    logits, found = rng.normal(size=(3, num_patches, num_queries)) * 3, np.stack([boxes(rng, 5) for _ in sizes])
    labels = [rng.integers(0, num_queries, size) for size in sizes]
    targets = [boxes(rng, size) for size in sizes]
    patches = match(
        torch.from_numpy(logits), torch.from_numpy(found),
        [torch.from_numpy(one) for one in labels], [torch.from_numpy(one) for one in targets],
    )  # fmt: skip
    for image, size in enumerate(sizes):
        costs = np.array(
            [[cost(logits[image, p, label], found[image, p], target) for p in range(num_patches)]
             for label, target in zip(labels[image], targets[image], strict=True)]
        ).reshape(size, num_patches)  # fmt: skip
        chosen = patches[image].numpy()
        assert len(set(chosen.tolist())) == size
        least = min(sum(costs[m, p] for m, p in enumerate(taken)) for taken in permutations(range(num_patches), size))
        assert costs[np.arange(size), chosen].sum() == pytest.approx(least, abs=1e-9)


def test_more_objects_than_patches_are_refused_and_what_is_not_finite_is_matched() -> None:
    box = torch.tensor([[0.5, 0.5, 0.2, 0.2]])
    with pytest.raises(ValueError, match="an image has 3 objects, more than the 2 patches"):
        match(torch.zeros(1, 2, 1), box.expand(1, 2, 4), [torch.zeros(3, dtype=torch.int64)], [box.expand(3, 4)])
    broken = torch.full((1, 2, 1), float("nan"))
    (patches,) = match(broken, box.expand(1, 2, 4), [torch.zeros(2, dtype=torch.int64)], [box.expand(2, 4)])
    assert sorted(patches.tolist()) == [0, 1]
