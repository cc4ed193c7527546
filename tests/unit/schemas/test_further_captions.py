"""Further captions of all folders of a run, in the order of their plans."""

from pathlib import Path

import pyarrow as pa
import pytest

from schemas.further_captions import further_captions_by_key
from schemas.sample import FURTHER_CAPTIONS
from schemas.storage import Folder
from schemas.tables import write_table


def write(folder: Folder, plan: int, captions: dict[str, list[str]]) -> None:
    rows = [
        {"key": key, "captions": texts, "image_id": bytes(16), "pair_ids": [bytes(16)] * len(texts),
         "query_ids": [[0]] * len(texts)}
        for key, texts in captions.items()
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, FURTHER_CAPTIONS)
    write_table(folder, f"further_captions/{plan:05d}.parquet", table, FURTHER_CAPTIONS)


def test_captions_come_by_plan_whatever_folder_they_lie_in(tmp_path: Path) -> None:
    first, second = Folder(str(tmp_path / "a")), Folder(str(tmp_path / "b"))
    write(first, 12, {"k": ["twelve"]})
    write(second, 3, {"k": ["three", "three too"], "other": ["x"]})
    write(first, 100_000, {"k": ["last"]})
    expected = {"k": ["three", "three too", "twelve", "last"], "other": ["x"]}
    assert further_captions_by_key([first, second]) == further_captions_by_key([second, first]) == expected


def test_folders_without_any_give_none(tmp_path: Path) -> None:
    assert further_captions_by_key([Folder(str(tmp_path)), Folder(str(tmp_path / "absent"))]) == {}


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "further_captions").mkdir()
    (tmp_path / "further_captions" / "00001.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"further_captions/00001\.parquet"):
        further_captions_by_key([Folder(str(tmp_path))])
