"""Further captions from a mapped file: those that `further_captions_by_key` has, made once, for other processes too."""

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.further_captions import further_captions_by_key
from schemas.sample import FURTHER_CAPTIONS
from schemas.storage import Folder
from schemas.tables import write_table
from trainer.data.read import further_captions
from trainer.data.read.further_captions import open_further


def write_further(folder: Path, plan: int, named: dict[str, list[str]], *extra: pa.Field) -> None:
    rows = [
        {"key": key, "captions": captions, "image_id": bytes(16), "pair_ids": [bytes(16)] * len(captions),
         "query_ids": [[1]] * len(captions)}
        for key, captions in sorted(named.items())
    ]  # fmt: skip
    schema = pa.schema([*FURTHER_CAPTIONS, *extra])
    table = pa.Table.from_pylist(rows, schema)
    write_table(Folder(str(folder)), f"further_captions/{plan:05d}.parquet", table, schema)


@pytest.mark.parametrize("batch_rows", [3, 65_536])
def test_they_are_those_of_the_tables_in_the_order_of_plans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(further_captions, "BATCH_ROWS", batch_rows)
    for folder, plan in (("a", 1), ("b", 9), ("a", 11), ("b", 11)):
        named = {
            f"{n:03d}": [f"{folder} {plan} {n} {k}" for k in range(n % 3 + 1)] for n in range(plan, 40, plan % 5 + 1)
        }
        write_further(tmp_path / folder, plan, named)
    folders = [Folder(str(tmp_path / name)) for name in ("a", "b")]
    expected = further_captions_by_key(folders)
    found = open_further(folders, Folder(str(tmp_path / "run")))
    assert found is not None
    for one in (found, pickle.loads(pickle.dumps(found))):  # noqa: S301
        assert {key: one(key) for key in expected} == expected
        assert one("absent") == []
    assert len(found) == sum(len(list(range(plan, 40, plan % 5 + 1))) for plan in (1, 9, 11, 11))


def test_it_is_made_once_and_anew_when_a_round_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, run = Folder(str(tmp_path / "a")), Folder(str(tmp_path / "run"))
    (tmp_path / "a").mkdir()
    assert open_further([folder], run) is None
    write_further(tmp_path / "a", 1, {"k": ["one"]})
    for _ in range(2):
        assert (open_further([folder], run) or str)("k") == ["one"]
    assert len(list((tmp_path / "run").iterdir())) == 1
    write_further(tmp_path / "a", 2, {"k": ["two"]})
    assert (open_further([folder], run) or str)("k") == ["one", "two"]
    assert (open_further([folder], None) or str)("k") == ["one", "two"]
    assert len(list((tmp_path / "cache").rglob("*.arrow"))) == 1


def test_columns_that_were_carried_through_are_passed_over(tmp_path: Path) -> None:
    write_further(tmp_path / "a", 1, {"k": ["one"]}, pa.field("similarity", pa.list_(pa.float32())))
    assert (open_further([Folder(str(tmp_path / "a"))], Folder(str(tmp_path / "run"))) or str)("k") == ["one"]
