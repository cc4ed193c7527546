"""Reads what the commands wrote, from their Parquet files and manifests alone, into one record of counts."""

import json
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.storage import Folder
from tests.demo.killing import KILLED_FILE

EXPECTED_REASONS = {
    "gone": "http_error",
    "slow": "timed_out",
    "truncated": "body_truncated",
    "html": "not_an_image",
    "bomb": "too_many_pixels",
    "noai": "opted_out",
}
"""Kind of failing URL of the demo's web, and the reason with which it has to appear."""

EXPECTED_BROKEN_ROWS = ("url_missing", "url_not_http", "caption_missing")
"""Reasons with which `pipeline collect` has to name the broken rows of the URL table."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Counts of one run."""

    queries: Counter[str]
    """By source."""
    candidates: int
    matches: int
    """Sum over the candidates of their matched queries."""
    capped_queries: int
    selected: int
    refill: int
    further_captions: int
    """Captions of the refill whose image was stored before."""
    images: Counter[str]
    """By outcome: `success` or the reason of the failure."""
    failures: dict[str, Counter[str]]
    """Reasons by kind of failing URL."""
    broken_rows: Counter[str]
    """Reasons of the rejections of collect."""
    shards: int
    samples: int
    keys_twice: int
    """Keys that stand in the tars more than once."""
    killed_after: str | None
    """The last checkpoint before a worker was killed; None when none was."""
    samples_per_s: float
    accuracy: float
    colour_accuracy: float
    shape_accuracy: float


def _table(directory: Path, pattern: str, columns: list[str]) -> pa.Table:
    tables = [pq.read_table(path, columns=columns) for path in sorted(directory.glob(pattern))]
    if not tables:
        raise FileNotFoundError(f"no {pattern} in {directory}")
    return pa.concat_tables(tables)


def _count(column: pa.ChunkedArray) -> Counter[str]:
    return Counter(value for value in column.to_pylist() if value is not None)


def read_outcome(output: Path) -> Outcome:
    """Read the folders of a finished demo in `output`."""
    run = output / "run"
    queries = pq.read_table(output / "queries" / "queries.parquet", columns=["source"])
    candidates = candidate_table(run / "candidates")
    counts = pq.read_table(run / "selection" / "tables" / "query_counts.parquet", columns=["threshold"])
    sidecars = _table(run / "shards", "*.parquet", ["url", "status", "reason"])
    outcomes = pc.if_else(pc.equal(sidecars["status"], "success"), "success", sidecars["reason"])
    failures: dict[str, Counter[str]] = {kind: Counter() for kind in EXPECTED_REASONS}
    for url, reason in zip(sidecars["url"].to_pylist(), outcomes.to_pylist(), strict=True):
        kind = (url or "").split("/")[3:4]
        if kind and kind[0] in failures:
            failures[kind[0]][reason] += 1
    accuracy, colour, shape = read_accuracies(output / "zero-shot" / "predictions.parquet")
    return Outcome(
        queries=_count(queries["source"].cast(pa.string())),
        candidates=len(candidates),
        matches=int(pc.sum(pc.list_value_length(candidates["query_ids"])).as_py() or 0),
        capped_queries=len(counts) - counts["threshold"].null_count,
        selected=num_selected(run / "selection"),
        refill=num_selected(run / "selection-refill"),
        further_captions=Folder(str(run / "shards")).read_json("manifest.json")["summary"]["further_captions"],
        images=_count(outcomes),
        failures=failures,
        broken_rows=read_rejections(run / "candidates"),
        shards=len(list((run / "shards").glob("*.tar"))),
        samples=int(pc.sum(pc.equal(sidecars["status"], "success")).as_py() or 0),
        keys_twice=sum(times > 1 for times in count_keys(run / "shards").values()),
        killed_after=read_killed(output),
        samples_per_s=float(Folder(str(output / "training")).read_json("training.json")["samples_per_s"]),
        accuracy=accuracy,
        colour_accuracy=colour,
        shape_accuracy=shape,
    )


def read_killed(output: Path) -> str | None:
    """Return the checkpoint after which a worker was killed; None when none was."""
    told = output / KILLED_FILE
    return str(json.loads(told.read_text())["after"]) if told.exists() else None


def count_keys(shards: Path) -> Counter[str]:
    """Return how often each key has a caption in the tars."""
    found: Counter[str] = Counter()
    for path in sorted(shards.glob("*.tar")):
        with tarfile.open(path) as tar:
            found.update(name.removesuffix(".txt") for name in tar.getnames() if name.endswith(".txt"))
    return found


def _data_files(directory: Path) -> list[Path]:
    """Return the tables of candidates or of a selection: those with the column query_ids."""
    return [path for path in sorted(directory.glob("*.parquet")) if "query_ids" in pq.read_schema(path).names]


def candidate_table(directory: Path) -> pa.Table:
    """Return the column query_ids of all candidates."""
    return pa.concat_tables([pq.read_table(path, columns=["query_ids"]) for path in _data_files(directory)])


def num_selected(directory: Path) -> int:
    """Return the number of selected pairs; 0 when the folder is absent."""
    return sum(pq.read_metadata(path).num_rows for path in _data_files(directory)) if directory.is_dir() else 0


def read_rejections(directory: Path) -> Counter[str]:
    """Return the reasons of all rejections below `directory`."""
    found: Counter[str] = Counter()
    for path in sorted(directory.rglob("*.parquet")):
        if {"stage", "reason"} <= set(pq.read_schema(path).names):
            found += _count(pq.read_table(path, columns=["reason"])["reason"])
    return found


def read_accuracies(predictions: Path) -> tuple[float, float, float]:
    """Return the shares of images with the right class, the right colour, and the right shape."""
    table = pq.read_table(predictions, columns=["label", "predicted"])
    rows = [(label.split(" "), predicted.split(" ")) for label, predicted in zip(
        table["label"].to_pylist(), table["predicted"].to_pylist(), strict=True)]  # fmt: skip
    return (
        sum(label == predicted for label, predicted in rows) / len(rows),
        sum(label[0] == predicted[0] for label, predicted in rows) / len(rows),
        sum(label[1] == predicted[1] for label, predicted in rows) / len(rows),
    )
