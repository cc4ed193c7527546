"""QuickGELU: the formula's values and gradients, and one tensor kept for them."""

import torch

from trainer.model.quick_gelu import QuickGELU


def test_values_and_gradients_are_the_formulas() -> None:
    x = torch.linspace(-30, 30, 401, dtype=torch.float64, requires_grad=True)
    found, wanted = QuickGELU()(x), x * torch.sigmoid(1.702 * x)
    torch.testing.assert_close(found, wanted, rtol=1e-14, atol=1e-15)
    weights = torch.linspace(-1, 1, 401, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((found * weights).sum(), x)
    torch.testing.assert_close(gradient, torch.autograd.grad((wanted * weights).sum(), x)[0], rtol=1e-13, atol=1e-14)


def test_its_input_alone_is_kept() -> None:
    kept = []
    x = torch.randn(7, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.data_ptr()), lambda _: x):
        QuickGELU()(x)
    assert kept == [x.data_ptr()]
