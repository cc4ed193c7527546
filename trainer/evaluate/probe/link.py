"""What stands between scores and classes: a softmax over classes, or a sigmoid for each. Scores in, residuals out.

Shapes: n rows of a chunk, P problems that are solved together, K columns of a problem.
"""

from typing import Protocol

import torch
import torch.nn.functional as F


class Link(Protocol):
    """Losses, and their derivatives by the scores, of rows with known targets."""

    num_columns: int
    """K: columns of scores."""

    def loss(self, scores_nPK: torch.Tensor, rows: slice) -> torch.Tensor:
        """Return the sum of the rows' losses ``[P]``, float64."""
        ...

    def residuals(self, scores_nPK: torch.Tensor, rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (derivatives of the loss by the scores ``[n, P, K]``, the sum of their own ``[P, K]``)."""
        ...


class Softmax:
    """Each row is of one of K classes, K above 2: the cross-entropy."""

    def __init__(self, labels_N: torch.Tensor, num_classes: int) -> None:
        self.num_columns = num_classes
        self._labels_N = labels_N

    def loss(self, scores_nPK: torch.Tensor, rows: slice) -> torch.Tensor:
        own_nP = scores_nPK.gather(2, self._own(scores_nPK, rows))[..., 0]
        return (scores_nPK.logsumexp(dim=2) - own_nP).double().sum(dim=0)

    def residuals(self, scores_nPK: torch.Tensor, rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
        chances_nPK = scores_nPK.softmax(dim=2)
        curvature_PK = chances_nPK.sum(dim=0) - (chances_nPK * chances_nPK).sum(dim=0)
        own_nP1 = self._own(scores_nPK, rows)
        return chances_nPK.scatter_add_(
            2, own_nP1, chances_nPK.new_full((1, 1, 1), -1).expand(own_nP1.shape)
        ), curvature_PK

    def _own(self, scores_nPK: torch.Tensor, rows: slice) -> torch.Tensor:
        return self._labels_N[rows, None, None].expand(-1, scores_nPK.shape[1], 1)


class Sigmoid:
    """Each of K columns is true or false of a row, alone: two classes (K = 1), or several labels an image.

    What a row is not `known` of counts for nothing in that column.
    """

    def __init__(self, targets_NK: torch.Tensor, known_NK: torch.Tensor | None = None) -> None:
        self.num_columns = targets_NK.shape[1]
        self._targets_NK = targets_NK
        self._known_NK = known_NK

    def loss(self, scores_nPK: torch.Tensor, rows: slice) -> torch.Tensor:
        losses_nPK = F.softplus(scores_nPK) - self._targets_NK[rows, None] * scores_nPK
        return self._of_known(losses_nPK, rows).double().sum(dim=(0, 2))

    def residuals(self, scores_nPK: torch.Tensor, rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
        chances_nPK = scores_nPK.sigmoid()
        curvature_PK = self._of_known(chances_nPK * (1 - chances_nPK), rows).sum(dim=0)
        return self._of_known(chances_nPK.sub_(self._targets_NK[rows, None]), rows), curvature_PK

    def _of_known(self, values_nPK: torch.Tensor, rows: slice) -> torch.Tensor:
        return values_nPK if self._known_NK is None else values_nPK.mul_(self._known_NK[rows, None])
