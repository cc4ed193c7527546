"""Run by an environment of peers: a shards folder in, the captions in its tars out, as JSON.

By webdataset and four ways of `datasets`. Every way has to give the same JSON of the same samples in the same order.
"""

import json
import sys
from pathlib import Path

import webdataset
from datasets import load_dataset


def of_datasets(rows: object) -> list[dict]:
    """Return the JSON of each sample; an image that does not decode raises."""
    found = []
    for row in rows:  # type: ignore[attr-defined]
        row["jpg"].load()
        found.append(row["json"])
    return found


def main() -> None:
    """Read the samples in each way."""
    folder = sys.argv[1]
    tars = sorted(str(path) for path in Path(folder).glob("*.tar"))
    assert webdataset.utils.enforce_security  # WDS_SECURE=1
    pipeline = webdataset.WebDataset(tars, shardshuffle=False).decode("pil").to_tuple("jpg", "txt", "json")
    records = [record for _, _, record in pipeline]
    ways = {
        "folder": load_dataset(folder, split="train"),
        "folder, streamed": load_dataset(folder, split="train", streaming=True),
        "tars": load_dataset("webdataset", data_files=tars, split="train"),
        "tars, streamed": load_dataset("webdataset", data_files=tars, split="train", streaming=True),
    }
    for way, rows in ways.items():
        assert of_datasets(rows) == records, way
    rows = len(load_dataset(folder, data_files="*.parquet", split="train"))
    print(json.dumps({"captions": [record["caption"] for record in records], "rows": rows}))


main()
