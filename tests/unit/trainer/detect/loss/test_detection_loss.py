"""The loss of a batch against a plain loop over images, objects and queries; what is not asked costs nothing."""

import numpy as np
import torch

from tests.unit.trainer.detect.loss.test_matching import boxes
from trainer.detect.loss.detection_loss import detection_loss
from trainer.detect.loss.focal import focal_terms
from trainer.detect.loss.matching import match
from trainer.detect.model.boxes import pairwise_giou, to_corners


def batch(seed: int):
    rng = np.random.default_rng(seed)
    sizes = (2, 0, 3)
    logits = torch.from_numpy(rng.normal(size=(3, 6, 4))).requires_grad_()
    found = torch.from_numpy(np.stack([boxes(rng, 6) for _ in sizes])).requires_grad_()
    asked = torch.tensor([[True] * 4, [True, True, False, False], [True, True, True, False]])
    labels = [torch.from_numpy(rng.integers(0, 3, size)) for size in sizes]
    targets = [torch.from_numpy(boxes(rng, size)) for size in sizes]
    return logits, found, asked, labels, targets


def test_it_is_the_mean_of_each_images_own() -> None:
    logits, found, asked, labels, targets = batch(0)
    losses = detection_loss(logits, found, asked, labels, targets)
    patches = match(logits, found, labels, targets)
    classes, distance, overlap = 0.0, 0.0, 0.0
    for image in range(3):
        yes, no = focal_terms(logits[image])
        share = 1 / max(1, len(labels[image])) / 3
        pairs = dict(zip(patches[image].tolist(), labels[image].tolist(), strict=True))
        for patch in range(6):
            for query in range(4):
                if asked[image, query]:
                    term = yes if pairs.get(patch) == query else no
                    classes += float(term[patch, query]) * share
        for number, patch in enumerate(patches[image].tolist()):
            one, target = found[image, patch][None], targets[image][number][None]
            distance += float((one - target).abs().sum()) * share
            overlap += (1 - float(pairwise_giou(to_corners(one), to_corners(target)))) * share
    for name, wanted in (("classes", classes), ("distance", distance), ("overlap", overlap)):
        np.testing.assert_allclose(float(getattr(losses, name)), wanted, rtol=1e-6)
    np.testing.assert_allclose(float(losses.total), classes + distance + overlap, rtol=1e-6)


def test_gradients_reach_what_is_asked_and_matched_alone() -> None:
    logits, found, asked, labels, targets = batch(1)
    detection_loss(logits, found, asked, labels, targets).total.backward()
    assert logits.grad is not None
    assert found.grad is not None
    assert (logits.grad[asked[:, None, :].expand_as(logits)] != 0).all()
    assert (logits.grad[~asked[:, None, :].expand_as(logits)] == 0).all()
    moved = [(found.grad[image] != 0).any(dim=1).nonzero().flatten().tolist() for image in range(3)]
    patches = match(logits, found, labels, targets)
    assert moved == [sorted(one.tolist()) for one in patches]


def test_a_batch_without_objects_has_only_the_cost_of_saying_yes() -> None:
    logits, found, asked, _, _ = batch(2)
    nothing = [torch.empty(0, dtype=torch.int64)] * 3, [torch.empty(0, 4, dtype=torch.float64)] * 3
    losses = detection_loss(logits, found, asked, *nothing)
    assert float(losses.distance) == float(losses.overlap) == 0
    losses.total.backward()
    assert logits.grad is not None
    assert (logits.grad[asked[:, None, :].expand_as(logits)] > 0).all()
