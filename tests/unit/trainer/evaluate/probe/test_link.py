"""Links: losses as torch has them, residuals and curvatures as autograd has them."""

import pytest
import torch
import torch.nn.functional as F

from trainer.evaluate.probe.link import Link, Sigmoid, Softmax

DRAW = torch.Generator().manual_seed(0)
SCORES = torch.randn(9, 2, 4, generator=DRAW, dtype=torch.float64) * 3
LABELS = torch.randint(4, (12,), generator=DRAW)
HOLDS = (torch.rand(12, 4, generator=DRAW) < 0.4).double()
ROWS = slice(3, 12)


@pytest.mark.parametrize("link", [Softmax(LABELS, 4), Sigmoid(HOLDS)], ids=["softmax", "sigmoid"])
def test_losses_and_their_derivatives(link: Link) -> None:
    scores = SCORES.clone().requires_grad_()
    if isinstance(link, Softmax):
        losses = torch.stack([F.cross_entropy(scores[:, p], LABELS[ROWS], reduction="sum") for p in range(2)])
    else:
        losses = torch.stack(
            [F.binary_cross_entropy_with_logits(scores[:, p], HOLDS[ROWS], reduction="sum") for p in range(2)]
        )
    torch.testing.assert_close(link.loss(SCORES, ROWS), losses.detach())
    (first,) = torch.autograd.grad(losses.sum(), scores, create_graph=True)
    residuals, curvature = link.residuals(SCORES.clone(), ROWS)
    torch.testing.assert_close(residuals, first.detach())
    second = torch.zeros_like(curvature)
    for column in range(4):
        (by_score,) = torch.autograd.grad(first[:, :, column].sum(), scores, retain_graph=True)
        second[:, column] = by_score[:, :, column].sum(dim=0)
    torch.testing.assert_close(curvature, second)


def test_large_scores_overflow_nothing() -> None:
    scores = torch.tensor([[[1e4, -1e4, 0.0]]])
    for link in (Softmax(torch.tensor([1]), 3), Sigmoid(torch.tensor([[0.0, 1.0, 1.0]]))):
        assert torch.isfinite(link.loss(scores, slice(0, 1))).all()
        assert torch.isfinite(link.residuals(scores, slice(0, 1))[0]).all()
