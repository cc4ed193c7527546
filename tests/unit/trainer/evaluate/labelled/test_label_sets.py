"""Label sets: lists and cells as marks, beside plain Python; what is no label is named with its row."""

import numpy as np
import pyarrow as pa
import pytest

from trainer.evaluate.labelled.label_sets import LabelSets, label_lists, split_cells

CELLS = pa.chunked_array([["cat; dog", None, "dog;;"], ["", " a b ;cat", ";"]])


def test_cells_are_split_and_trimmed_and_an_empty_one_has_no_label() -> None:
    assert split_cells(CELLS, ";").to_pylist() == [["cat", "dog"], [], ["dog"], [], ["a b", "cat"], []]
    assert split_cells(CELLS.slice(2, 3), ";").to_pylist() == [["dog"], [], ["a b", "cat"]]


def test_marks_are_what_holds_before_what_is_difficult() -> None:
    holding = label_lists(pa.array([["cat", "a_b"], None, ["dog"], []], pa.large_list(pa.string())), "x")
    difficult = label_lists(pa.array([["cat"], ["dog", "cat"], None, []], pa.list_(pa.string())), "x")
    sets = LabelSets(holding, difficult)
    assert sets.names == ["a_b", "cat", "dog"]
    expected = [[1, 1, 0], [0, -1, -1], [0, 0, 1], [0, 0, 0]]
    np.testing.assert_array_equal(sets.marks(["a b", "cat", "dog"], "x"), expected)
    np.testing.assert_array_equal(LabelSets(holding).marks(sets.names, "x"), np.maximum(expected, 0))


def test_what_is_no_label_is_named_with_its_row() -> None:
    sets = LabelSets(split_cells(CELLS, ";"))
    with pytest.raises(ValueError, match=r"--test: t.csv: label 'a b' of row 4 is none of the 2 labels known"):
        sets.marks(["cat", "dog"], "--test: t.csv")
    with pytest.raises(ValueError, match="x, row 2: a label without a name"):
        label_lists(pa.array([["cat"], [], ["dog", " "]]), "x")
    with pytest.raises(ValueError, match="x: expected a list of names for each row, found list<item: int64>"):
        label_lists(pa.array([[1]]), "x")
