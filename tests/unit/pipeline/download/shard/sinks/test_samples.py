"""The samples of a plan in the order of their keys: image, record and first caption, failures left out."""

import json
from pathlib import Path

from pipeline.download.shard.sinks.samples import ROWS_AT_ONCE, sample_files
from tests.unit.pipeline.download.shard.test_write import fetched


def test_samples_are_those_that_came(tmp_path: Path) -> None:
    results = [("", b"%d" % n) if n % 3 else ("timed_out", b"") for n in range(ROWS_AT_ONCE + 5)]
    shard = fetched(tmp_path, results)
    found = list(sample_files(shard.images, shard.results, shard.spool, "png"))
    keys, captions = (shard.images.table[name].to_pylist() for name in ("key", "caption"))
    came = [place for place, (reason, _) in enumerate(results) if not reason]
    assert [key for key, _ in found] == [keys[place] for place in came]
    assert [files[".png"] for _, files in found] == [results[place][1] for place in came]
    assert [files[".txt"].decode() for _, files in found] == [captions[place] for place in came]
    assert [json.loads(files[".json"])["key"] for _, files in found] == [key for key, _ in found]
    assert all(list(files) == [".png", ".json", ".txt"] for _, files in found)
