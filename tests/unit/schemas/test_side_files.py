"""What systems put beside the data is told from data by name."""

import pytest

from schemas.side_files import is_side_file, is_side_table


@pytest.mark.parametrize(
    "name",
    ["._a.jpg", "./._a.jpg", "x/._a.jpg", ".DS_Store", "__MACOSX/._a.jpg", "__MACOSX/a.jpg", "x/__MACOSX/a.jpg",
     ".ipynb_checkpoints/a-checkpoint.jpg", "cat/.ipynb_checkpoints/a.jpg", "__index__", "__meta__/a.json",
     "x/__pycache__/a.txt", "x/.git/a.txt", ".part-0.parquet.crc", "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg"],
)  # fmt: skip
def test_side_files_by_name(name: str) -> None:
    assert is_side_file(name)
    assert is_side_table(name)


@pytest.mark.parametrize(
    ("name", "table"),
    [("a.jpg", False), ("./a.jpg", False), ("../a.jpg", False), ("x.y/a.b.jpg", False), ("a/__b.jpg", True),
     ("__b__.jpg", True), ("_DSC0001.jpg", True), ("a_/b__", False), ("_SUCCESS", True), ("_delta_log/0.json", True)],
)  # fmt: skip
def test_names_of_data(name: str, table: bool) -> None:
    assert not is_side_file(name)
    assert is_side_table(name) == table
