"""Charts and tables: the same bytes each time, names with commas and quotes."""

import csv
import io

from PIL import Image

from trainer.evaluate.embedded.chart import csv_table, png


def test_the_same_chart_is_the_same_bytes() -> None:
    first, again = (png(lambda axes: axes.plot([1, 2, 3])) for _ in range(2))
    assert first == again
    assert Image.open(io.BytesIO(first)).size == (960, 600)
    assert png(lambda axes: axes.plot([3, 2, 1])) != first


def test_tables_are_read_back() -> None:
    rows = [['a, "b"', 0.1], ["c\nd", 2]]
    found = list(csv.reader(io.StringIO(csv_table(("name", "value"), rows).decode())))
    assert found == [["name", "value"], ['a, "b"', "0.1"], ["c\nd", "2"]]
