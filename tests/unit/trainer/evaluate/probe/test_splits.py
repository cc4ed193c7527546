"""Splits: of each class its share, the same for the same seed."""

import numpy as np
import pytest

from trainer.evaluate.probe.splits import few_of_each, held_out, held_out_of_labels

LABELS = np.array([0] * 10 + [1] * 2 + [2] + [3] * 25)[np.random.default_rng(3).permutation(38)]


def test_of_each_class_its_share_is_held_out() -> None:
    is_out = held_out(LABELS, 0.2, seed=0)
    assert [int(is_out[label == LABELS].sum()) for label in range(4)] == [2, 1, 0, 5]
    assert (held_out(LABELS, 0.2, seed=0) == is_out).all()
    assert not (held_out(LABELS, 0.2, seed=1) == is_out).all()


def test_a_row_of_each_class_is_left() -> None:
    is_out = held_out(LABELS, 0.99, seed=0)
    assert [int((~is_out[label == LABELS]).sum()) for label in range(4)] == [1, 1, 1, 1]


def test_of_each_label_its_share_is_held_out_and_a_row_is_left() -> None:
    marks = (np.random.default_rng(5).random((400, 4)) < [0.3, 0.1, 0.02, 0.5]).astype(np.int8)
    marks[:7, 0] = -1  # difficult: no rows of it
    is_out = held_out_of_labels(marks, 0.2, seed=0)
    shares = [(marks[is_out, label] > 0).sum() / (marks[:, label] > 0).sum() for label in range(4)]
    np.testing.assert_allclose(shares, 0.2, atol=0.08)
    assert (held_out_of_labels(marks, 0.2, seed=0) == is_out).all()
    assert not (held_out_of_labels(marks, 0.2, seed=1) == is_out).all()
    for draw in range(50):
        few = (np.random.default_rng(draw).random((6, 4)) < 0.4).astype(np.int8)
        kept = few[~held_out_of_labels(few, 0.9, seed=draw)]
        assert (kept.any(axis=0) == few.any(axis=0)).all()


def test_few_of_each_are_different_rows_of_the_class_and_the_smaller_draw_is_part_of_the_larger() -> None:
    labels = np.repeat([0, 4, 7], 9)
    chosen = few_of_each(labels, 8, seed=0)
    assert chosen.shape == (3, 8)
    np.testing.assert_array_equal(labels[chosen], np.repeat([[0], [4], [7]], 8, axis=1))
    assert all(len(set(rows)) == 8 for rows in chosen.tolist())
    assert (few_of_each(labels, 8, seed=0) == chosen).all()
    assert (few_of_each(labels, 3, seed=0) == chosen[:, :3]).all()
    with pytest.raises(ValueError, match="class 0 has 9 examples, 16 were asked for"):
        few_of_each(labels, 16, seed=0)
