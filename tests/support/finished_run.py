"""A finished `pipeline run` on a web of two hosts, with a refill; and what is in the files of a folder, decoded."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.run.config import RunConfig
from pipeline.run.job import run_all
from tests.support.download import Web

GONE_HOST, KEPT_HOST = "localhost", "127.0.0.1"


def run_config(directory: Path, web: Web, images: int = 40) -> RunConfig:
    """Write an input of `images`, two captions each, of which every fifth fails; a third is of `GONE_HOST`."""
    rows = []
    for number in range(images):
        host = GONE_HOST if number % 3 == 2 else KEPT_HOST
        path = f"good/{number}.jpg" if number % 5 else f"status/{503 if number % 2 else 403}/{number}.jpg"
        rows += [
            {"URL": f"http://{host}:{web.port}/{path}", "TEXT": f"{text} {number} of {host}"}
            for text in ("a red dog", "another red thing")
        ]
    directory.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), directory / "in.parquet")
    (directory / "queries.json").write_text('["red", "dog"]')
    return RunConfig(
        input=str(directory / "in.parquet"), queries=str(directory / "queries.json"), output=str(directory / "run"),
        allow_private_addresses=True, image_size=32, num_decode_processes=1, samples_per_shard=4,
        max_pairs_per_query=3 * images // 4, retries=0, placeholder_urls=2,
    )  # fmt: skip


def finished_run(directory: Path, web: Web, images: int = 40) -> RunConfig:
    """Run `run_config` to its end; return it."""
    config = run_config(directory, web, images)
    run_all(config, [])
    return config


def contents(folder: Path) -> dict[str, bytes]:
    """Return what each file below `folder` holds: of Parquet files all values as text, which packing hides."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        found[name] = _values(path) if path.suffix == ".parquet" else path.read_bytes()
    return found


def _values(path: Path) -> bytes:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return repr(rows).encode()


def file_bytes(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file below `folder`."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
