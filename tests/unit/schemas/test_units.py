"""Units: finished by their commit object, and only while their files are whole."""

from pathlib import Path

import pytest

from schemas.storage import Folder
from schemas.units import commit_unit, finished_units, read_unit, whole_units


def test_a_unit_that_lost_a_file_is_not_whole(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    for name in ("0", "1", "2"):
        record = folder.write(f"{name}.tar", b"data " + name.encode(), 1)
        commit_unit(folder, f"{name}_stats.json", [record], {"count": 1})
    assert [unit.name for unit in whole_units(folder, "", "_stats.json")] == [
        "0_stats.json",
        "1_stats.json",
        "2_stats.json",
    ]
    (tmp_path / "0.tar").unlink()
    (tmp_path / "1.tar").write_bytes(b"cut")
    assert [unit.name for unit in whole_units(folder, "", "_stats.json")] == ["2_stats.json"]
    assert len(finished_units(folder, "", "_stats.json")) == 3
    unit = read_unit(folder, "2_stats.json")
    assert unit is not None
    assert unit.body == {"count": 1}
    assert read_unit(folder, "9_stats.json") is None


def test_a_unit_is_the_same_committed_and_read_back(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    record = folder.write("0.tar", b"data", 1)
    body = {"outcomes": {"success": 3, "timed_out": 1}, "spans": [{"rows": 2}], "pair": (1, 2), "part": 0.1}
    made = commit_unit(folder, "0_stats.json", [record], body)
    assert made == read_unit(folder, "0_stats.json")
    assert made.body.counts("outcomes") == {"success": 3, "timed_out": 1}
    assert made.body["spans"][0].count("rows") == 2
    with pytest.raises(ValueError, match=r"0_stats.json: expected a key 'broken'"):
        made.body["outcomes"]["broken"]
    assert "files" not in body  # the caller's stays as it was


def test_a_commit_with_files_as_lists_is_read(tmp_path: Path) -> None:
    """As querygen wrote them until schema 1.4."""
    folder = Folder(str(tmp_path))
    record = folder.write("000000.arrow", b"data", 1)
    listed = [record.name, record.rows, record.bytes, record.sha256]
    folder.write_json("000000.json", {"files": [listed], "tally": {"views": 2}})
    unit = read_unit(folder, "000000.json")
    assert unit is not None
    assert (unit.files, unit.body) == ([record], {"tally": {"views": 2}})
    folder.write_json("000000.json", {"files": [listed[:3]], "tally": {}})
    with pytest.raises(ValueError, match=r"000000.json: files\[0\] .*expected the commit of finished work"):
        read_unit(folder, "000000.json")
