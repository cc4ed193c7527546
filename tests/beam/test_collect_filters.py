"""Collect with several filters on: counts and samples of drops by reason, candidates, identity of the run."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from schemas.run_record import FolderConflict

ROWS = [
    ("http://a.example/1.jpg", "a red dog sleeps in the house"),
    ("http://a.example/2.jpg", "a red dog sleeps in the house"),
    ("http://a.example/3.svg", "a red dog"),
    ("http://img.bad.example/4.jpg", "a red dog sleeps in the house"),
    ("http://a.example/5.jpg", "dog"),
    ("http://a.example/6.jpg", "red dog 6.jpg"),
    ("http://a.example/7.jpg", "un perro rojo duerme dentro de la casa dog"),
    ("http://a.example/8.jpg", "a red dog, royalty free stock photo"),
    ("http://a.example/9.jpg", "a cat sleeps in the house"),
    ("ftp://a.example/10.jpg", "a red dog"),
    ("http://a.example/11.jpg", "the dogâ€™s red house is in the old garden"),
]


@pytest.fixture
def config(tmp_path: Path, queries_folder: Callable[[list[str]], str]) -> CollectConfig:
    table = pa.table({"url": [row[0] for row in ROWS], "TEXT": [row[1] for row in ROWS]})
    pq.write_table(table, tmp_path / "in.parquet")
    (tmp_path / "hosts.txt").write_text("bad.example\n")
    (tmp_path / "words.txt").write_text("royalty free\n")
    return CollectConfig(
        input=str(tmp_path / "in.parquet"), queries=queries_folder(["dog", "red"]), output=str(tmp_path / "candidates"),
        repair_mojibake=True, domain_block_lists=(str(tmp_path / "hosts.txt"),), deny_file_types=("svg",),
        min_caption_words=2, drop_file_names=True, language=("en",),
        word_block_lists=(str(tmp_path / "words.txt"),),
    )  # fmt: skip


def test_drops_are_counted_and_sampled_by_reason(config: CollectConfig) -> None:
    summary = run_collect(config, [])["summary"]
    assert summary["dropped_by_reason"] == {
        "blocked_word": 1, "caption_words": 1, "domain_blocked": 1, "file_name": 1, "file_type": 1, "language": 1,
        "no_match": 1,
    }  # fmt: skip
    assert summary["counts"]["dropped"] == 7
    assert summary["rejected_by_reason"] == {"url_not_http": 1}
    found = pq.read_table(f"{config.output}/00000.parquet")
    assert sorted(found["url"].to_pylist()) == [f"http://a.example/{n}.jpg" for n in (1, 11, 2)]
    assert "the dog\u2019s red house is in the old garden" in found["caption"].to_pylist()
    assert set(found["language"].to_pylist()) == {"en"}
    assert all(0 < score <= 1 for score in found["language_score"].to_pylist())
    drops = pq.read_table(f"{config.output}/drops/collect.parquet")
    rows = dict(zip(drops["reason"].to_pylist(), drops["source_row"].to_pylist(), strict=True))
    assert rows == {"file_type": 2, "domain_blocked": 3, "caption_words": 4, "file_name": 5, "language": 6,
                    "blocked_word": 7, "no_match": 8}  # fmt: skip


def test_another_content_of_a_list_is_another_run(config: CollectConfig, tmp_path: Path) -> None:
    run_collect(config, [])
    (tmp_path / "words.txt").write_text("photo\n")
    with pytest.raises(FolderConflict, match="sha256"):
        run_collect(config, [])


def test_a_faulty_list_is_told_before_anything_is_written(config: CollectConfig, tmp_path: Path) -> None:
    (tmp_path / "hosts.txt").write_text("bad.example/x\n")
    with pytest.raises(ValueError, match=r"hosts.txt, line 1: expected one host name"):
        run_collect(config, [])
    assert not Path(config.output).exists()
