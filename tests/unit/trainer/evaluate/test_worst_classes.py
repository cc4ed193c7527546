"""The classes with the lowest accuracy, their images that were most surely taken for another."""

import numpy as np

from trainer.evaluate.classify import Classified
from trainer.evaluate.labelled.labelled import Labelled
from trainer.evaluate.worst_classes import worst_rows


def read(place: int) -> bytes:
    if place == 4:
        raise OSError("gone")
    return bytes([place])


def test_worst_first_and_surest_first() -> None:
    images = Labelled([str(n) for n in range(8)], [0, 0, 1, 1, 1, 1, 2, 2], 0, read, [1] * 8)
    found = Classified(
        places=np.array([0, 1, 2, 3, 4, 5, 7]),  # 6 does not decode
        nearest=np.array([[0], [1], [2], [0], [2], [1], [2]]),
        cosines=np.zeros(7),
        confidences=np.array([0.9, 0.8, 0.4, 0.9, 0.3, 0.9, 0.9]),
        skipped=["6: does not decode"],
    )
    rows = worst_rows(images, found, ["a", "b", "c"])
    assert [row.title for row in rows] == ["b: 25% of 4 right; taken for a, c", "a: 50% of 2 right; taken for b"]
    assert [list(row.pictures) for row in rows] == [[b"\x03", b"\x02", b""], [b"\x01"]]
