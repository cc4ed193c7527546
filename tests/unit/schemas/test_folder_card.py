"""The card of a folder names its data, and all of it."""

from pathlib import Path

import pytest

from schemas.manifest import write_manifest
from schemas.storage import Folder


@pytest.mark.parametrize("kind", ["queries", "candidates", "selection", "shards"])
def test_what_lies_directly_in_a_folder_is_one_table_and_the_card_names_it(tmp_path: Path, kind: str) -> None:
    folder = Folder(str(tmp_path))
    write_manifest(folder, kind, [], rows=0, identity="x", summary={})
    assert not list(tmp_path.glob("*.parquet"))
    card = (tmp_path / "README.md").read_text()
    pattern = {"queries": "queries.parquet", "shards": "*.tar"}.get(kind, "*.parquet")
    assert card.startswith(f'---\nconfigs:\n- config_name: default\n  data_files: "{pattern}"\n---\n# ')
