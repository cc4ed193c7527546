"""Logistic regression on features: features, targets and strengths C in, classifiers out; on any device.

The objective is scikit-learn's: C times the sum of the rows' losses, and half the squared weights; intercepts are free.
Solved is its mean, loss / N + |W|^2 / (2 C N), by L-BFGS until no entry of the gradient is larger than `tolerance`, of
features scaled to a root mean square of one. (scikit-learn takes the entries as they are, 1e-4 by default: on features
of length one, or begun near the end, that is far from the minimum, and the accuracy another.) What is ours:

- The first inverse Hessian is not a multiple of one. In the eigenvectors of the features' covariance it is
  1 / (v eigenvalue + 1 / (C N)), v being the mean of p (1 - p) of the column as it is now: that of the objective, were
  all rows alike uncertain. Many of the steps that L-BFGS takes to learn the features' spectrum are not needed.
- Scores go along with the coefficients, so a step costs one product with the features, and each step tried another.
- A descent ends, too, where rounding keeps the gradient from falling (`rounding`), as it does for C N far below one.
- Several C are solved together, as one product of more columns, and from the classifiers of other C.

Memory: a copy of the features, and twice rows x columns of scores.

Shapes: N rows, D dimensions, E = D + 1 coefficients (the intercept last), P problems (values of C), K columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from trainer.evaluate.probe.lbfgs import Memory, dots
from trainer.evaluate.probe.line_search import LineSearch
from trainer.evaluate.probe.link import Link
from trainer.evaluate.probe.rounding import Rounding

TOLERANCE = 1e-5
MAX_ITERATIONS = 1000
"""CLIP, appendix A.3: L-BFGS, at most 1,000 iterations."""
CHUNK_BYTES = 1 << 22
"""Of scores that are looked at in one go: they stay in a core's cache."""


@dataclass(frozen=True)
class Classifiers:
    """Of each C one."""

    weights_PDK: torch.Tensor
    intercepts_PK: torch.Tensor
    objectives: list[float]
    """C times the sum of losses, and half the squared weights."""
    iterations: list[int]
    is_converged: list[bool]
    """The gradient is as small as was asked for, or as the type lets it be."""

    def scores(self, features_ND: torch.Tensor) -> torch.Tensor:
        """Return ``[P, N, K]``."""
        return features_ND.to(self.weights_PDK) @ self.weights_PDK + self.intercepts_PK[:, None]

    def only(self, place: int) -> "Classifiers":
        """Return the one at `place`."""
        one = slice(place, place + 1)
        return Classifiers(
            self.weights_PDK[one],
            self.intercepts_PK[one],
            self.objectives[one],
            self.iterations[one],
            self.is_converged[one],
        )


class Regression:
    """Features and targets, made ready once for any number of C."""

    def __init__(self, features_ND: torch.Tensor, link: Link) -> None:
        """Features in the type and on the device that are to be computed in: float32 or float64."""
        self._link = link
        self._mean_D = features_ND.double().mean(dim=0).to(features_ND.dtype)
        self._features_ND = features_ND - self._mean_D
        covariance_DD = self._features_ND.T @ self._features_ND / len(features_ND)
        spectrum_D, axes_DD = torch.linalg.eigh(covariance_DD.double())
        self._spectrum_E = torch.cat([spectrum_D.clamp(min=0), spectrum_D.new_ones(1)]).to(features_ND.dtype)
        self._axes_DD = axes_DD.to(features_ND.dtype)
        self._scale = float(spectrum_D.clamp(min=0).mean().sqrt().clamp(min=torch.finfo(features_ND.dtype).tiny))

    def fit(
        self,
        strengths: Sequence[float],
        start: Classifiers | None = None,
        *,
        tolerance: float = TOLERANCE,
        max_iterations: int = MAX_ITERATIONS,
    ) -> Classifiers:
        """Return the classifiers of these C, begun at those of `start` (as many, or one for all)."""
        num, columns = len(strengths), self._link.num_columns
        like = self._features_ND
        found_EPK = like.new_zeros(self._features_ND.shape[1] + 1, num, columns)
        if start is not None:
            found_EPK[:] = self._centred(start)
        run = _Run(self, found_EPK, [1 / (c * len(like)) for c in strengths])
        iterations, is_converged = [0] * num, [False] * num
        active = list(range(num))
        for number in range(max_iterations + 1):
            done = run.finished(tolerance)
            for place, problem in enumerate(active):
                if run.roundings[place].is_kept:
                    found_EPK[:, problem] = run.coefficients_EPK[:, place]
                iterations[problem], is_converged[problem] = number, done[place]
            going_on = [place for place in range(len(active)) if not done[place] and not run.is_stuck[place]]
            if not going_on or number == max_iterations:
                break
            if len(going_on) < len(active):
                active = [active[place] for place in going_on]
                run.keep(going_on)
            run.step()
        return self._classifiers(found_EPK, strengths, iterations, is_converged)

    def _centred(self, start: Classifiers) -> torch.Tensor:
        weights_PDK = start.weights_PDK.to(self._features_ND)
        intercepts_PK = start.intercepts_PK.to(self._features_ND) + self._mean_D @ weights_PDK
        return torch.cat([self._axes_DD.T @ weights_PDK, intercepts_PK[:, None]], dim=1).transpose(0, 1)

    def _classifiers(
        self, found_EPK: torch.Tensor, strengths: Sequence[float], iterations: list[int], is_converged: list[bool]
    ) -> Classifiers:
        weights_PDK = self._axes_DD @ found_EPK[:-1].transpose(0, 1)
        intercepts_PK = found_EPK[-1] - self._mean_D @ weights_PDK
        losses_P = torch.zeros(len(strengths), dtype=torch.float64, device=found_EPK.device)
        scores_NPK = self.scores(found_EPK)
        for rows in self.chunks(scores_NPK):
            losses_P += self._link.loss(scores_NPK[rows], rows)
        objectives_P = losses_P * losses_P.new_tensor(strengths) + 0.5 * weights_PDK.double().square().sum(dim=(1, 2))
        return Classifiers(weights_PDK, intercepts_PK, objectives_P.tolist(), iterations, is_converged)

    def largest_entries(self, gradient_EPK: torch.Tensor) -> torch.Tensor:
        """Return ``[P]``: the size of the largest entry, for features scaled to a root mean square of one."""
        own_DX = self._axes_DD @ gradient_EPK[:-1].flatten(1) / self._scale
        largest_PK = own_DX.abs().amax(dim=0).view(gradient_EPK.shape[1:])
        return torch.maximum(largest_PK, gradient_EPK[-1].abs()).amax(dim=1)

    def chunks(self, scores_NPK: torch.Tensor) -> list[slice]:
        """Return the rows in parts that are looked at one by one."""
        size = max(256, CHUNK_BYTES // (scores_NPK[0].numel() * scores_NPK.element_size()))
        return [slice(start, start + size) for start in range(0, len(scores_NPK), size)]

    def scores(self, coefficients_EPK: torch.Tensor) -> torch.Tensor:
        """Return ``[N, P, K]`` of coefficients in the covariance's axes."""
        weights_DX = self._axes_DD @ coefficients_EPK[:-1].flatten(1)
        scores_NX = torch.addmm(coefficients_EPK[-1].flatten(), self._features_ND, weights_DX)
        return scores_NX.view(-1, *coefficients_EPK.shape[1:])

    def gradient(
        self, scores_NPK: torch.Tensor, moved_NPK: torch.Tensor | None, steps_P: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (gradient ``[E, P, K]`` of the mean loss at scores + step * moved, mean of p (1 - p) ``[P, K]``)."""
        num, problems, columns = scores_NPK.shape
        summed_DX = self._features_ND.new_zeros(self._features_ND.shape[1], problems * columns)
        intercepts_PK = self._features_ND.new_zeros(problems, columns)
        curvature_PK = torch.zeros_like(intercepts_PK)
        for rows in self.chunks(scores_NPK):
            at_nPK = scores_NPK[rows]
            if moved_NPK is not None:
                at_nPK = torch.addcmul(at_nPK, moved_NPK[rows], steps_P[:, None])
            residuals_nPK, curved_PK = self._link.residuals(at_nPK, rows)
            summed_DX.addmm_(self._features_ND[rows].T, residuals_nPK.flatten(1))
            intercepts_PK += residuals_nPK.sum(dim=0)
            curvature_PK += curved_PK
        gradient_DX = self._axes_DD.T @ summed_DX
        gradient_EPK = torch.cat([gradient_DX.view(-1, problems, columns), intercepts_PK[None]])
        return gradient_EPK / num, curvature_PK / num

    def inverse_hessian(self, curvature_PK: torch.Tensor, penalty_P: torch.Tensor) -> torch.Tensor:
        """Return the diagonal ``[E, P, K]`` of the first inverse Hessian in the covariance's axes."""
        diagonal_EPK = self._spectrum_E[:, None, None] * curvature_PK
        floor_PK = torch.finfo(curvature_PK.dtype).eps * diagonal_EPK.amax(dim=0)
        diagonal_EPK[:-1] += penalty_P[:, None]
        tiny = torch.finfo(curvature_PK.dtype).tiny ** 0.5
        return 1 / torch.maximum(diagonal_EPK, floor_PK.clamp(min=tiny))


class _Run:
    """The state of problems that are solved together."""

    def __init__(self, regression: Regression, coefficients_EPK: torch.Tensor, penalties: list[float]) -> None:
        self._regression = regression
        self.coefficients_EPK = coefficients_EPK.clone()
        self._penalty_P = coefficients_EPK.new_tensor(penalties)
        self._memory = Memory()
        self.is_stuck = [False] * len(penalties)
        self.roundings = [Rounding(torch.finfo(coefficients_EPK.dtype).eps) for _ in penalties]
        self._scores_NPK = regression.scores(coefficients_EPK)
        gradient_EPK, self._curvature_PK = regression.gradient(self._scores_NPK, None, self._penalty_P)
        self._gradient_EPK = self._with_penalty(gradient_EPK, self.coefficients_EPK)

    def finished(self, tolerance: float) -> list[bool]:
        """Tell of each problem whether its gradient is as small as `tolerance` asks, or rounding lets it be.

        To be asked once a step. Where C N is below one, weights and scores are of its size, and so must be what the
        intercepts may be off.
        """
        tolerances_P = tolerance * (1 / self._penalty_P).clamp(min=16 * torch.finfo(self._penalty_P.dtype).eps, max=1)
        largest_P = self._regression.largest_entries(self._gradient_EPK)
        for rounding, largest in zip(self.roundings, largest_P.tolist(), strict=True):
            rounding.tell(largest)
        return [
            is_small or rounding.is_end or (is_stuck and rounding.is_below)
            for is_small, rounding, is_stuck in zip(
                (largest_P <= tolerances_P).tolist(), self.roundings, self.is_stuck, strict=True
            )
        ]

    def keep(self, places: list[int]) -> None:
        """Leave out the problems that are solved."""
        kept = torch.tensor(places, device=self._scores_NPK.device)
        self.coefficients_EPK, self._gradient_EPK = self.coefficients_EPK[:, kept], self._gradient_EPK[:, kept]
        self._scores_NPK = self._scores_NPK[:, kept]
        self._penalty_P, self._curvature_PK = self._penalty_P[kept], self._curvature_PK[kept]
        self._memory.keep(kept)
        self.is_stuck = [self.is_stuck[place] for place in places]
        self.roundings = [self.roundings[place] for place in places]

    def step(self) -> None:
        """Go a step in each problem."""
        first_EPK = self._regression.inverse_hessian(self._curvature_PK, self._penalty_P)
        direction_EPK = self._memory.direction(self._gradient_EPK, first_EPK)
        searches = [LineSearch(slope) for slope in dots(direction_EPK, self._gradient_EPK).tolist()]
        moved_NPK = self._regression.scores(direction_EPK)
        while True:
            steps_P = self._penalty_P.new_tensor([search.step for search in searches])
            taken_EPK = steps_P[:, None] * direction_EPK
            gradient_EPK, curvature_PK = self._regression.gradient(self._scores_NPK, moved_NPK, steps_P)
            gradient_EPK = self._with_penalty(gradient_EPK, self.coefficients_EPK + taken_EPK)
            for search, slope in zip(searches, dots(direction_EPK, gradient_EPK).tolist(), strict=True):
                search.tell(slope)
            if all(search.is_done for search in searches):
                break
        self.is_stuck = [search.step == 0 for search in searches]  # rounding has the last word
        self._memory.add(taken_EPK, gradient_EPK - self._gradient_EPK)
        self.coefficients_EPK = self.coefficients_EPK + taken_EPK
        self._scores_NPK.addcmul_(moved_NPK, steps_P[:, None])
        self._gradient_EPK, self._curvature_PK = gradient_EPK, curvature_PK

    def _with_penalty(self, gradient_EPK: torch.Tensor, coefficients_EPK: torch.Tensor) -> torch.Tensor:
        gradient_EPK[:-1] += self._penalty_P[:, None] * coefficients_EPK[:-1]
        return gradient_EPK
