"""Numbered units: named by what they lack, files beside them only."""

from pathlib import Path

import pytest

from querygen.workers.numbered_units import numbered_unit
from schemas.storage import FileRecord, Folder
from schemas.units import commit_unit


def test_a_commit_that_is_not_there_or_names_a_file_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"000000\.json: expected the commit of finished work; count again"):
        numbered_unit(folder, 0)
    commit_unit(folder, "000000.json", [FileRecord("../elsewhere.arrow", 1, 4, "0" * 64)], {})
    with pytest.raises(ValueError, match=r"000000\.json: expected names of files beside it, found '\.\./elsewhere"):
        numbered_unit(folder, 0)
