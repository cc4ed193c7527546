"""What is read back from the folders of a run."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.rejection import Rejection, rejections
from tests.demo.outcome import num_selected, read_accuracies, read_rejections


def test_accuracy_of_class_colour_and_shape(tmp_path: Path) -> None:
    rows = [("red star", "red star"), ("red star", "blue star"), ("blue ring", "blue star"), ("pink ring", "red star")]
    labels, predicted = zip(*rows, strict=True)
    pq.write_table(pa.table({"label": labels, "predicted": predicted}), tmp_path / "predictions.parquet")
    assert read_accuracies(tmp_path / "predictions.parquet") == pytest.approx((0.25, 0.5, 0.5))


def test_rejections_are_counted_over_all_files(tmp_path: Path) -> None:
    for name, reasons in (("a", ["url_missing", "url_missing"]), ("b", ["caption_missing"])):
        (tmp_path / "rejections").mkdir(exist_ok=True)
        table = rejections("collect", [Rejection(reason, "urls.parquet", 1, None) for reason in reasons])
        pq.write_table(table, tmp_path / "rejections" / f"{name}.parquet")
    pq.write_table(pa.table({"other": [1]}), tmp_path / "files.parquet")
    assert read_rejections(tmp_path) == {"url_missing": 2, "caption_missing": 1}


def test_selected_pairs_are_those_of_the_tables_with_queries(tmp_path: Path) -> None:
    pq.write_table(pa.table({"query_ids": [[1], [2, 3]]}), tmp_path / "00000.parquet")
    pq.write_table(pa.table({"query_id": [1, 2, 3]}), tmp_path / "query_counts.parquet")
    assert num_selected(tmp_path) == 2
    assert num_selected(tmp_path / "absent") == 0
