"""Rows set aside of labelled ones: class numbers and a seed in, row numbers out; the same for the same input.

Shapes: N rows, K labels.
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


def held_out_of_labels(marks_NK: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return ``[N]`` whether each row is set aside: `share` of each label's rows (above 0), drawn, the rarest first.

    A row of several labels is drawn for its rarest one and counts for all (Sechidis et al. 2011, On the Stratification
    of Multi-label Data, is after the same); rows of no label come last. Each label keeps a row that is not set aside.
    """
    holds_NK = marks_NK > 0
    holds_NK = np.concatenate([holds_NK, ~holds_NK.any(axis=1, keepdims=True)], axis=1)
    is_out_N, is_drawn_N = np.zeros((2, len(holds_NK)), dtype=bool)
    draw = np.random.default_rng(seed)
    for label in [*np.argsort(holds_NK[:, :-1].sum(axis=0), kind="stable").tolist(), -1]:
        is_own_N = holds_NK[:, label]
        rows = draw.permutation(np.flatnonzero(is_own_N & ~is_drawn_N))
        wanted = max(1, round(share * int(is_own_N.sum()))) - int((is_own_N & is_out_N).sum())
        left = len(rows) if (is_own_N & is_drawn_N & ~is_out_N).any() else len(rows) - 1
        is_out_N[rows[: max(0, min(wanted, left))]] = True
        is_drawn_N[rows] = True
    for label in range(marks_NK.shape[1]):
        own = np.flatnonzero(holds_NK[:, label])
        if len(own) and is_out_N[own].all():  # drawn for rarer labels
            is_out_N[own[0]] = False
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
