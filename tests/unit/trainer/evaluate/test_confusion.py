"""Cells of the confusion matrix, against a plain count."""

from collections import Counter

import numpy as np

from trainer.evaluate.confusion import CONFUSION, confusion_table, most_confused


def test_cells_are_those_of_a_plain_count() -> None:
    draw = np.random.default_rng(0)
    labels, predicted = draw.integers(0, 4, 50), draw.integers(0, 4, 50)
    table = confusion_table(labels, predicted, list("abcd"))
    assert table.schema == CONFUSION
    found = {(row["label"], row["predicted"]): row["images"] for row in table.to_pylist()}
    assert found == Counter(("abcd"[a], "abcd"[b]) for a, b in zip(labels, predicted, strict=True))


def test_the_most_confused_come_first_and_the_diagonal_never() -> None:
    table = confusion_table(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 0, 0, 0]), list("abc"))
    assert most_confused(table, 2) == [
        {"label": "b", "predicted": "a", "images": 2}, {"label": "a", "predicted": "b", "images": 1},
    ]  # fmt: skip
