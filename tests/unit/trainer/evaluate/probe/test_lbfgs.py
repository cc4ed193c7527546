"""Directions of L-BFGS: the recursion's matrix, problem by problem; pairs without curvature count for nothing."""

import numpy as np
import torch

from trainer.evaluate.probe.lbfgs import HISTORY, Memory, dots


def plain_direction(gradient: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray]], first: np.ndarray) -> np.ndarray:
    """BFGS's update of the inverse Hessian, written out as matrices (Nocedal and Wright, equation 7.19)."""
    step, change = pairs[-1]
    inverse = np.diag(first) * (step @ change) / (change @ (first * change))
    for step, change in pairs:
        rho = 1 / (step @ change)
        side = np.eye(len(step)) - rho * np.outer(step, change)
        inverse = side @ inverse @ side.T + rho * np.outer(step, step)
    return -inverse @ gradient


def drawn(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(sum(shape)).standard_normal(shape))


def test_the_direction_is_that_of_the_matrix_for_each_problem_alone() -> None:
    memory, first = Memory(), drawn(3, 2, 2).abs() + 0.5
    root = drawn(12, 12)
    hessian = root @ root.T + torch.eye(12, dtype=torch.float64)
    pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
    for number in range(HISTORY + 3):
        step = drawn(3, 2, 2) * (number + 1) + drawn(number + 1, 3, 2, 2)[number]
        change = torch.stack([(hessian[:6, :6] @ step[:, p].flatten()).view(3, 2) for p in range(2)], dim=1)
        pairs.append((step, change))
        memory.add(step, change)
    gradient = drawn(3, 2, 2)
    found = memory.direction(gradient, first)
    for problem in range(2):
        alone = [tuple(x[:, problem].flatten().numpy() for x in pair) for pair in pairs[-HISTORY:]]
        expected = plain_direction(gradient[:, problem].flatten().numpy(), alone, first[:, problem].flatten().numpy())
        np.testing.assert_allclose(found[:, problem].flatten(), expected, rtol=1e-8)
    memory.keep(torch.tensor([1]))
    torch.testing.assert_close(memory.direction(gradient[:, 1:], first[:, 1:]), found[:, 1:])


def test_a_pair_without_curvature_counts_for_nothing() -> None:
    memory, gradient, first = Memory(), drawn(4, 1, 1), torch.ones(4, 1, 1, dtype=torch.float64)
    memory.add(drawn(4, 1, 1), -drawn(4, 1, 1))
    torch.testing.assert_close(memory.direction(gradient, first), -gradient)
    assert float(dots(gradient, gradient)) == float((gradient**2).sum())
