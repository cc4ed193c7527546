"""Which C is best on the validation rows: coarse to fine, as the paper does (CLIP, appendix A.3).

Of 10^-6 ... 10^6 every second power is tried, then twice the resolution around the best so far, until there are 8 steps
a decade: 7 + 2 x 4 values at most, of 97.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from trainer.evaluate.probe.logistic_regression import MAX_ITERATIONS, TOLERANCE, Classifiers, Regression

STEPS_A_DECADE = 8
DECADES = 6
"""To both sides of 1."""
FIRST_STEP = 2 * STEPS_A_DECADE
COLUMNS_AT_ONCE = 48
"""Up to so many columns of scores, values of C are solved as one product: narrow ones wait for memory."""


def strength(place: int) -> float:
    """Return the C of a place in the grid; place 0 is 1."""
    return float(10 ** (place / STEPS_A_DECADE))


@dataclass(frozen=True)
class Found:
    """The end of a search."""

    strength: float
    tried: list[tuple[float, float]]
    """Each C with its measure on the validation rows, in ascending order of C."""
    classifiers: Classifiers
    """The one of the best C, of the training rows alone."""


def find_strength(
    regression: Regression,
    measure: Callable[[torch.Tensor], float],
    validation_ND: torch.Tensor,
    num_columns: int,
    *,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> Found:
    """Return the C whose classifier on the training rows measures best on the validation rows; the least of equals.

    `measure` takes scores ``[N, K]`` of the validation rows; more is better.
    """
    known: dict[int, tuple[float, Classifiers]] = {}

    def solve(places: Sequence[int]) -> None:
        """From strong to weak penalties, each set begun at the nearest C that is known."""
        at_once = max(1, COLUMNS_AT_ONCE // num_columns)
        for first in range(0, len(places), at_once):
            part = places[first : first + at_once]
            nearest = min(known, key=lambda place: (abs(place - part[0]), place), default=None)
            found = regression.fit(
                [strength(place) for place in part],
                known[nearest][1] if nearest is not None else None,
                tolerance=tolerance,
                max_iterations=max_iterations,
            )
            scores_PNK = found.scores(validation_ND)
            known.update((p, (measure(scores_PNK[i]), found.only(i))) for i, p in enumerate(part))

    def best() -> int:
        return max(known, key=lambda place: (known[place][0], -place))

    edge = DECADES * STEPS_A_DECADE
    solve(range(-edge, edge + 1, FIRST_STEP))
    step = FIRST_STEP // 2
    while step:
        centre = best()
        solve([place for place in (centre - step, centre + step) if abs(place) <= edge and place not in known])
        step //= 2
    tried = [(strength(place), known[place][0]) for place in sorted(known)]
    return Found(strength(best()), tried, known[best()][1])
