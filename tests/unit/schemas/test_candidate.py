"""Candidates and selections of an older minor version are read as those of this one."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.candidate import candidate_schema, selection_schema
from schemas.storage import Folder
from schemas.tables import read_table


@pytest.mark.parametrize("schema", [candidate_schema(), selection_schema()])
def test_columns_added_since_are_null(tmp_path: Path, schema: object) -> None:
    table = schema.empty_table()
    pq.write_table(table.drop_columns("language_score"), tmp_path / "old.parquet")
    folder = Folder(str(tmp_path))
    assert read_table(folder, "old.parquet", schema).equals(table)
    assert read_table(folder, "old.parquet", schema, ["url", "language", "language_score"]).num_columns == 3
    pq.write_table(table.drop_columns("language"), tmp_path / "broken.parquet")
    with pytest.raises(ValueError, match=r"column 'language' .* is missing"):
        read_table(folder, "broken.parquet", schema)
