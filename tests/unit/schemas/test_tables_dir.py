"""Tables beside the main one are found where older versions wrote them."""

from pathlib import Path

from schemas.manifest import read_files, write_manifest
from schemas.storage import Folder


def test_an_older_folder_has_its_list_of_files_in_itself(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    record = folder.write("00000.parquet", b"x", 1)
    write_manifest(folder, "candidates", [record], rows=1, identity="x", summary={})
    (tmp_path / "tables" / "files.parquet").rename(tmp_path / "files.parquet")
    assert read_files(folder) == [record]
