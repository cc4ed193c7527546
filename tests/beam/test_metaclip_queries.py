"""MetaCLIP's metadata.json as ``--queries``: through collect and balance to counts in MetaCLIP's layout."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.explain.config import ExplainConfig
from pipeline.explain.job import run_explain
from schemas.manifest import read_files
from schemas.storage import Folder
from tests.support.metaclip_reference import matches, worldwide_automaton

ENTRIES = {"en": ["The", "the", "New York", "of", "St."], "zh": ["北京", "the", "天安"]}
CAPTIONS = [
    ("The mayor of New York.", "en"),
    ("the  北京 hotel", "en"),
    ("我爱北京天安门", "zh-CN"),
    ("the 北京, tab\tof", "zh"),
    ("of St. the", None),
    ("nothing here", "fr"),
]


def test_entries_are_counted_as_metaclip_counts_them(tmp_path: Path) -> None:
    for language, entries in ENTRIES.items():
        (tmp_path / f"{language}.json").write_text(json.dumps(entries))
    table = pa.table({
        "url": [f"http://images.example/{number}.jpg" for number in range(len(CAPTIONS))],
        "TEXT": [caption for caption, _ in CAPTIONS],
        "language": [language for _, language in CAPTIONS],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "in.parquet")
    collect = CollectConfig(
        input=str(tmp_path / "in.parquet"), queries=f"{tmp_path}/??.json", output=str(tmp_path / "candidates"),
        match_rule="metaclip2", query_languages="caption", unknown_language="en",
    )  # fmt: skip
    manifest = run_collect(collect, [])
    assert manifest == run_collect(collect, [])

    every = [entry for entries in ENTRIES.values() for entry in entries]
    first = {"en": 0, "zh": len(ENTRIES["en"])}
    expected, counts = {}, dict.fromkeys(every, 0)
    for caption, language in CAPTIONS:
        asked = "zh" if (language or "").startswith("zh") else "en"
        found = matches(worldwide_automaton(ENTRIES[asked]), caption)
        if found:
            expected[caption] = [first[asked] + number for number in found]
        for number in found:
            counts[ENTRIES[asked][number]] += 1
    candidates = pa.concat_tables(pq.read_table(path) for path in sorted((tmp_path / "candidates").glob("0*.parquet")))
    captions = {" ".join(caption.split()): ids for caption, ids in expected.items()}  # as candidates store them
    assert dict(zip(candidates["caption"].to_pylist(), candidates["query_ids"].to_pylist(), strict=True)) == captions

    selection = Folder(str(tmp_path / "selection"))
    balance = BalanceConfig(
        candidates=collect.output, output=selection.url, max_pairs_per_query=20, write_entry_counts=True
    )
    manifest = run_balance(balance, [])
    assert json.loads(selection.read("entry_counts.json")) == counts
    assert "entry_counts.json" in {file.name for file in read_files(selection)}

    given = replace(balance, output=str(tmp_path / "again"), queries=collect.queries)  # the files, not the folder
    assert run_balance(given, []) == manifest
    facts = run_explain(ExplainConfig(candidates=collect.output, queries=collect.queries, query=("New York",)), [])
    assert facts["queries"][0]["matched"] == counts["New York"]
    (tmp_path / "zh.json").write_text(json.dumps([*ENTRIES["zh"], "more"]))
    with pytest.raises(ValueError, match="candidates-queries belongs to another run"):
        run_balance(replace(given, output=str(tmp_path / "other")), [])


def test_a_collect_that_cannot_start_leaves_no_queries(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["http://h/1"], "text": ["a cat"]}), tmp_path / "in.parquet")
    (tmp_path / "list.txt").write_text("cat\n")
    collect = CollectConfig(
        input=str(tmp_path / "in.parquet"), queries=str(tmp_path / "list.txt"), output=str(tmp_path / "candidates"),
        url_block_lists=(str(tmp_path / "missing.txt"),),
    )  # fmt: skip
    with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
        run_collect(collect, [])
    assert {path.name for path in tmp_path.iterdir()} == {"in.parquet", "list.txt"}
    assert run_collect(replace(collect, url_block_lists=()), [])["rows"] == 1
    other = tmp_path / "labels.json"
    other.write_text(json.dumps({"set A": ["cat", "dog"]}))
    with pytest.raises(ValueError, match=r"labels\.json: expected .*, found an object whose .set A. is list"):
        run_collect(replace(collect, queries=str(other), url_block_lists=(), output=str(tmp_path / "c2")), [])
    assert not (tmp_path / "c2-queries").exists()
