"""Rows set aside of labelled ones: class numbers and a seed in, row numbers out; the same for the same input.

Shapes: N rows.
"""

import numpy as np


def held_out(labels_N: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return ``[N]`` whether each row is set aside for validation: `share` of each class, drawn.

    Of a class of two rows or more at least one is set aside and one is not; of one row none is.
    """
    is_out_N = np.zeros(len(labels_N), dtype=bool)
    draw = np.random.default_rng(seed)
    for label in np.unique(labels_N):
        rows = draw.permutation(np.flatnonzero(labels_N == label))
        if len(rows) > 1:
            is_out_N[rows[: min(len(rows) - 1, max(1, round(share * len(rows))))]] = True
    return is_out_N


def few_of_each(labels_N: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return ``[classes, most]`` row numbers: of each class, in their order, `most` different rows, drawn.

    The first k columns are the draw of k. Raises ValueError for a class with fewer rows.
    """
    draw = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels_N):
        rows = np.flatnonzero(labels_N == label)
        if len(rows) < most:
            raise ValueError(f"class {label} has {len(rows)} examples, {most} were asked for")
        chosen.append(draw.permutation(rows)[:most])
    return np.stack(chosen)
