"""Labels as datasets write them: names of folders, or numbers of classes."""

import pytest

from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.labelled.labelled import Dataset, Labelled, class_numbers

DATASET = Dataset("d", ClassNames.of(["red one", "blue", "0"]))


def test_labels_are_names_or_numbers() -> None:
    assert class_numbers(["blue", "red_one", "0"], DATASET) == [1, 0, 2]  # a class named 0
    assert class_numbers([0, 2, 1], DATASET) == [0, 2, 1]
    assert class_numbers(["1", "1"], DATASET) == [1, 1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param(
            ["blue", "green"], "--dataset: d: label 'green' of image 1 is no line of --classes", id="unknown name"
        ),
        pytest.param([0, 3], "d: label '3' of image 1 is no .* from 0 to 2", id="number beyond"),
        pytest.param([0, -1], "d: label '-1' of image 1", id="negative"),
        pytest.param(["blue", 1], "d: label '1' of image 1", id="mixed"),
    ],
)
def test_a_label_that_is_neither_is_named(labels: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_numbers(labels, DATASET)


def test_workers_share_the_images() -> None:
    images = Labelled(list("abcde"), [0, 1, 2, 3, 4], 7, lambda place: bytes([place]), [1] * 5)
    own = images.every(1, 2)
    assert (own.names, own.labels) == (["b", "d"], [1, 3])
    assert [own.read(place) for place in range(len(own))] == [b"\x01", b"\x03"]
