"""What identifies a run of collect: what decides its bytes, and nothing of where things lie."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.record import collect_record
from pipeline.sources.formats import open_source
from schemas.run_record import RunRecord
from schemas.storage import Folder
from tests.conftest import write_queries


def record(root: Path, name: str = "data", rows: str = "http://a/1,a cat\n", **options: Any) -> RunRecord:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.csv").write_text(f"url,caption\n{rows}")
    queries = root / "queries"
    if not queries.exists():
        write_queries(queries, ["cat"])
    config = CollectConfig(input=f"{folder}/*.csv", queries=str(queries), output=str(root / "out"), **options)
    inputs = open_source(config)
    return collect_record(config, inputs, inputs.source.splits(), Folder(str(queries)))


def test_the_same_input_elsewhere_is_the_same_run(tmp_path: Path) -> None:
    assert record(tmp_path / "x", input_name="n").identity == record(tmp_path / "y", input_name="n").identity
    assert record(tmp_path / "x", force=True).identity == record(tmp_path / "y", max_rejected_fraction=0.1).identity


@pytest.mark.parametrize(
    "change",
    [{"rows": "http://a/1,a dog!\n"}, {"name": "other"}, {"match_rule": "metaclip"}, {"min_caption_characters": 3}],
    ids=str,
)
def test_what_decides_the_bytes_is_another_run(tmp_path: Path, change: dict[str, Any]) -> None:
    assert record(tmp_path).identity != record(tmp_path, **change).identity


def test_files_that_options_name_count_by_their_content(tmp_path: Path) -> None:
    plain = record(tmp_path)
    for number in (1, 2):
        (tmp_path / f"{number}.txt").write_text("shop\n")
    lists = [record(tmp_path, word_block_lists=(str(tmp_path / f"{number}.txt"),)) for number in (1, 2)]
    assert lists[0].identity == lists[1].identity != plain.identity
    (tmp_path / "2.txt").write_text("shop\nsale\n")
    assert record(tmp_path, word_block_lists=(str(tmp_path / "2.txt"),)).identity != lists[0].identity


def test_where_things_lay_is_kept_for_later_stages(tmp_path: Path) -> None:
    found = record(tmp_path)
    assert found.paths == {"image_roots": {"data": str(tmp_path / "data")}, "queries": str(tmp_path / "queries")}
