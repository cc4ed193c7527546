"""Folders of tars as other tools write them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.small_shards import captions, picture, write_tar


def write_img2dataset(folder: Path, counts: list[int], failed_every: int = 5) -> Path:
    """Write shards as img2dataset does: keys of shard and row, failures in the Parquet file alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard, count in enumerate(counts):
        rows, members = [], []
        for number in range(count):
            key = f"{shard:05d}{number:04d}"
            came = number % failed_every != failed_every - 1
            rows.append({"url": f"http://a.example/{key}", "key": key, "status": "success" if came else "failed"})
            if came:
                meta = json.dumps({"caption": captions(number)[0], "key": key}).encode()
                text = captions(number)[0].encode()
                members += [(f"{key}.jpg", picture(number)), (f"{key}.json", meta), (f"{key}.txt", text)]
        write_tar(folder / f"{shard:05d}.tar", members)
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{shard:05d}.parquet")
        stats = {"count": count, "successes": len(members) // 3, "failed_to_download": count - len(members) // 3}
        (folder / f"{shard:05d}_stats.json").write_text(json.dumps(stats))
    return folder
