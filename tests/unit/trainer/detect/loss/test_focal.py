"""Focal terms against their formula in numpy, and where logits are large."""

import numpy as np
import torch

from trainer.detect.loss.focal import ALPHA, GAMMA, focal_terms


def test_terms_are_the_papers() -> None:
    logits = torch.linspace(-6, 6, 25, dtype=torch.float64)
    p = 1 / (1 + np.exp(-logits.numpy()))
    yes, no = focal_terms(logits)
    np.testing.assert_allclose(yes.numpy(), -ALPHA * (1 - p) ** GAMMA * np.log(p), rtol=1e-12)
    np.testing.assert_allclose(no.numpy(), -(1 - ALPHA) * p**GAMMA * np.log(1 - p), rtol=1e-12)


def test_large_logits_and_their_gradients_are_finite() -> None:
    logits = torch.tensor([-200.0, 200.0], requires_grad=True)
    yes, no = focal_terms(logits)
    (yes.sum() + no.sum()).backward()
    assert torch.isfinite(yes).all()
    assert torch.isfinite(no).all()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
