"""Directions of L-BFGS for several problems at once (Nocedal and Wright, Numerical Optimization, algorithm 7.4).

Shapes: E coefficients of a column, P problems, K columns of a problem.
"""

import torch

HISTORY = 10
"""Pairs that are kept, as scipy's L-BFGS-B keeps."""


def dots(a_EPK: torch.Tensor, b_EPK: torch.Tensor) -> torch.Tensor:
    """Return the inner product of each problem ``[P]``, in float64."""
    return (a_EPK * b_EPK).sum(dim=0).double().sum(dim=1)


class Memory:
    """The last steps and the changes of the gradient over them."""

    def __init__(self) -> None:
        self._pairs: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def add(self, step_EPK: torch.Tensor, change_EPK: torch.Tensor) -> None:
        """Keep a pair. One without curvature, as rounding makes them, counts for nothing in its problem."""
        curvature_P = dots(step_EPK, change_EPK)
        floor_P = torch.finfo(step_EPK.dtype).eps * (dots(step_EPK, step_EPK) * dots(change_EPK, change_EPK)).sqrt()
        inverse_P = torch.where(curvature_P > floor_P, 1 / curvature_P, 0.0)
        self._pairs = [*self._pairs[1 - HISTORY :], (step_EPK, change_EPK, inverse_P)]

    def keep(self, problems: torch.Tensor) -> None:
        """Keep these problems alone."""
        self._pairs = [(s[:, problems], y[:, problems], r[problems]) for s, y, r in self._pairs]

    def direction(self, gradient_EPK: torch.Tensor, first_EPK: torch.Tensor) -> torch.Tensor:
        """Return the direction of descent; `first_EPK` is the diagonal of the first inverse Hessian."""
        q_EPK, shares = -gradient_EPK, []
        for step_EPK, change_EPK, inverse_P in reversed(self._pairs):
            share_P = inverse_P * dots(step_EPK, q_EPK)
            shares.append(share_P)
            q_EPK = q_EPK - _spread(share_P, q_EPK) * change_EPK
        q_EPK = first_EPK * q_EPK
        if self._pairs:
            q_EPK = q_EPK * _spread(self._scale(first_EPK), q_EPK)
        for (step_EPK, change_EPK, inverse_P), share_P in zip(self._pairs, reversed(shares), strict=True):
            q_EPK = q_EPK + _spread(share_P - inverse_P * dots(change_EPK, q_EPK), q_EPK) * step_EPK
        return q_EPK

    def _scale(self, first_EPK: torch.Tensor) -> torch.Tensor:
        """Return by what the first inverse Hessian is to be multiplied for the last pair (their equation 7.20)."""
        _, change_EPK, inverse_P = self._pairs[-1]
        expected_P = inverse_P * dots(change_EPK, first_EPK * change_EPK)
        return torch.where(expected_P > 0, 1 / expected_P, 1.0)


def _spread(values_P: torch.Tensor, like_EPK: torch.Tensor) -> torch.Tensor:
    return values_P.to(like_EPK.dtype)[:, None]
