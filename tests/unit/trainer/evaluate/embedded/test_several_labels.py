"""Whether a data set has several labels an image: told by the column's type, or by the separator of a list."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trainer.evaluate.embedded.several_labels import has_several_labels, label_sets

FEATURES = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0]), 1)


def test_the_type_of_the_column_tells(tmp_path: Path) -> None:
    one, lists, pictures = (str(tmp_path / f"{name}.parquet") for name in ("one", "lists", "pictures"))
    pq.write_table(pa.table({"features": FEATURES, "label": ["a", "b"]}), one)
    pq.write_table(pa.table({"features": FEATURES, "label": [["a", "b"], []]}), lists)
    pq.write_table(pa.table({"image": [b"1", b"2"], "labels": [["a"], ["b", "c"]]}), pictures)
    assert [has_several_labels(path, None) for path in (one, lists, pictures)] == [False, True, True]
    assert [has_several_labels("t.csv", separator) for separator in (None, ";")] == [False, True]
    assert label_sets(lists, "--train", None).names == ["a", "b"]
    assert label_sets(pictures, "--train", None).names == ["a", "b", "c"]
    assert not has_several_labels(str(tmp_path / "absent"), ";")
