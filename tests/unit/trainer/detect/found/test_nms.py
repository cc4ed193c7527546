"""Non-maximum suppression against the loop that defines it."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.detect.found import nms
from trainer.detect.found.nms import suppress


def overlap(a: list[float], b: list[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union else 0.0


def by_loop(boxes: list[list[float]], scores: list[float], labels: list[int], most: float) -> list[int]:
    waiting = sorted(range(len(boxes)), key=lambda place: -scores[place])
    kept = []
    while waiting:
        best = waiting.pop(0)
        kept.append(best)
        waiting = [one for one in waiting if labels[one] != labels[best] or overlap(boxes[best], boxes[one]) <= most]
    return kept


BOX = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(1, 6)).map(
    lambda b: [float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3])]
)
ROWS = st.lists(st.tuples(BOX, st.integers(0, 4), st.integers(0, 1)), max_size=14)


@given(ROWS, st.sampled_from([0.0, 0.3, 0.55, 1.0]), st.sampled_from([1, 3, 256]))
def test_what_stays_is_what_the_loop_keeps(rows: list, most: float, at_once: int) -> None:
    boxes, scores, labels = [list(column) for column in zip(*rows, strict=True)] if rows else ([], [], [])
    before = nms._FIRST_ROWS
    nms._FIRST_ROWS = at_once
    try:
        kept = suppress(
            torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4), torch.tensor(scores, dtype=torch.float64),
            torch.tensor(labels, dtype=torch.int64), most,
        )  # fmt: skip
    finally:
        nms._FIRST_ROWS = before
    assert kept.tolist() == by_loop(boxes, scores, labels, most)
