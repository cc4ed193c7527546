"""`--extra-columns` and licences go the whole way: from a table through all stages to the shards' JSON and Parquet."""

import json
import tarfile
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.__main__ import main
from tests.conftest import write_queries
from tests.support.download import serving

ROWS = [
    {"url": 0, "caption": "a red cat", "license": "CC BY 4.0", "score": 1, "id": 7, "note": "x"},
    {"url": 1, "caption": "a dog", "score": 9.5},
    {"url": 2, "caption": "a red dog", "id": 12, "note": "a, b"},
    {"url": 0, "caption": "cat again", "license": "CC0", "score": 0.25, "id": 8, "note": "y"},
    {"url": 3, "caption": "a cat that is gone", "license": "CC0", "score": 3, "id": 9, "note": "z"},
]


def test_they_reach_json_and_parquet(tmp_path: Path) -> None:
    with serving() as web:
        urls = [web.url(path) for path in ("good/0", "good/1", "good/2", "status/404")]
        lines = [json.dumps({**row, "url": urls[row["url"]]}) for row in ROWS]  # type: ignore[call-overload]
        (tmp_path / "rows.jsonl").write_text("\n".join(lines))
        queries = write_queries(tmp_path / "queries", ["cat", "dog", "red"])
        main(
            [
                "run", "--input", f"{tmp_path}/rows.jsonl", "--queries", queries, "--output", f"{tmp_path}/run",
                "--extra-columns", "score", "id", "note", "--allow-private-addresses", "--num-decode-processes", "1",
                "--image-size", "16", "--timeout-s", "600",
            ]
        )  # fmt: skip
    shards = tmp_path / "run" / "shards"
    rows = {row["url"]: row for row in pq.read_table(shards / "00000.parquet").to_pylist()}
    assert {url: (row["license"], row["note"]) for url, row in rows.items() if url != urls[0]} == {
        urls[1]: (None, None), urls[2]: (None, "a, b"), urls[3]: ("CC0", "z"),
    }  # fmt: skip
    assert [rows[url]["score"] for url in urls[1:]] == [9.5, None, 3]
    assert [rows[url]["id"] for url in urls[1:]] == [None, 12, 9]
    both = rows[urls[0]]
    assert both["license"] in ("CC BY 4.0", "CC0")
    by_caption = dict(zip(both["captions"], both["extra"], strict=True))
    assert by_caption == {
        "a red cat": {"score": 1, "id": 7, "note": "x"}, "cat again": {"score": 0.25, "id": 8, "note": "y"},
    }  # fmt: skip
    assert {name: both[name] for name in ("score", "id", "note")} == by_caption[both["caption"]]
    with tarfile.open(shards / "00000.tar") as tar:
        names = [name for name in tar.getnames() if name.endswith(".json")]
        samples = [json.load(tar.extractfile(name)) for name in names]  # type: ignore[arg-type]
    assert {sample["url"] for sample in samples} == set(urls[:3])
    for sample in samples:
        row = rows[sample["url"]]
        assert sample["license"] == (row["license"] or "")
        for name, empty in (("score", 0.0), ("id", 0), ("note", "")):
            assert sample[name] == (empty if row[name] is None else row[name])
            assert type(sample[name]) is type(empty)
            assert (name in sample["missing"].split(",")) == (row[name] is None)
