"""`pipeline collect --where --uids` on tables: what stays and what is counted, against Python on the same rows."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from tests.conftest import write_queries

COLOURS = ["red", "green", "blue"]
WHERE = "similarity > 0.3 and language == 'en'"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Rows as DataComp has them, every one another URL; some with nulls, some broken."""
    choose = random.Random(11)
    found = []
    for number in range(3_000):
        found.append(
            {
                "url": f"http://images.example/{number}.jpg" if number % 50 else f"ftp://images.example/{number}.jpg",
                "text": f"a {choose.choice([*COLOURS, 'grey'])} thing {number}",
                "uid": f"{choose.getrandbits(128):032x}" if number % 70 else None,
                "similarity": choose.choice([None, 0.1, 0.3, 0.31, 0.9]),
                "language": choose.choice([None, "en", "de"]),
            }
        )
    return found


@pytest.fixture(scope="module")
def uids(rows: list[dict[str, Any]]) -> list[str]:
    listed = [row["uid"] for row in rows if row["uid"]]
    return [*random.Random(12).sample(listed, len(listed) // 2), "0" * 32]


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    """Write `rows` as a table of the kind of `name`, missing values as the kind has them."""
    path = folder / name
    table = pa.Table.from_pylist(rows)
    if name.endswith(".parquet"):
        pq.write_table(table, path, row_group_size=700)
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        lines = [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
        path.write_text("\n".join([",".join(table.schema.names), *lines]) + "\n")
    return path


def is_true(row: dict[str, Any]) -> bool:
    return (row["similarity"] or 0) > 0.3 and row["language"] == "en"


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.jsonl"])
@pytest.mark.parametrize(("where", "listed"), [(WHERE, False), ("", True), (WHERE, True)])
def test_rows_left_out_are_counted_by_reason(
    name: str, where: str, listed: bool, rows: list[dict[str, Any]], uids: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path, name, rows)
    if listed:
        numbers = [(int(uid[:16], 16), int(uid[16:], 16)) for uid in uids]
        np.save(tmp_path / "uids.npy", np.array(numbers, np.dtype("u8,u8")))
    write_queries(tmp_path / "queries", COLOURS)
    config = CollectConfig(
        input=str(path), queries=f"{tmp_path}/queries", output=f"{tmp_path}/candidates", where=where,
        uids=f"{tmp_path}/uids.npy" if listed else "",
    )  # fmt: skip
    summary = run_collect(config, [])["summary"]

    asked = [row for row in rows if not where or is_true(row)]
    kept = [row for row in asked if not listed or row["uid"] in set(uids)]
    good = [row for row in kept if row["url"].startswith("http")]
    matched = [row for row in good if row["text"].split()[1] in COLOURS]
    dropped = {
        "no_match": len(good) - len(matched),
        "not_in_uids": len(asked) - len(kept),
        "where": len(rows) - len(asked),
    }
    assert len(matched) > 100
    assert summary["dropped_by_reason"] == {reason: count for reason, count in dropped.items() if count}
    assert summary["rejected_by_reason"] == {"url_not_http": len(kept) - len(good)}
    assert summary["counts"] == {
        "records": len(rows), "rejected": len(kept) - len(good), "dropped": sum(dropped.values()),
        "matched_pairs": len(matched), "matches": len(matched), "duplicates": 0, "candidates": len(matched),
    }  # fmt: skip
    found = pq.read_table(tmp_path / "candidates" / "00000.parquet", columns=["url", "source_row"]).to_pylist()
    assert {row["source_row"]: row["url"] for row in found} == {
        number: row["url"] for number, row in enumerate(rows) if any(row is other for other in matched)
    }


def test_another_expression_or_list_is_another_run(rows: list[dict[str, Any]], uids: list[str], tmp_path: Path) -> None:
    """Both decide which pairs are there: a folder of one is not gone on with by the other."""
    path = write(tmp_path, "t.parquet", rows[:100])
    write_queries(tmp_path / "queries", COLOURS)
    (tmp_path / "a.txt").write_text("\n".join(uids[:50]))
    (tmp_path / "b.txt").write_text("\n".join(uids[:49]))
    options = {"input": str(path), "queries": f"{tmp_path}/queries", "output": f"{tmp_path}/candidates"}
    first = run_collect(CollectConfig(**options, where=WHERE, uids=f"{tmp_path}/a.txt"), [])
    (tmp_path / "moved.txt").write_text("\n".join(uids[:50]))
    assert run_collect(CollectConfig(**options, where=WHERE, uids=f"{tmp_path}/moved.txt"), []) == first
    for where, listed, message in ((WHERE, "b.txt", "sha256"), ("similarity > 0.3", "a.txt", "where")):
        with pytest.raises(ValueError, match=message):
            run_collect(CollectConfig(**options, where=where, uids=f"{tmp_path}/{listed}"), [])
