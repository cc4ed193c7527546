"""Candidates folders made by seed, in the candidates' own schema: what `pipeline collect` would leave of such captions.

In: how many pairs and queries, and the share of pairs that match the hottest query. Out: a finished candidates folder.
Everything is drawn by numpy: a million candidates take about a second.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.buffers import ids_from_words
from schemas.candidate import QUERY_IDS, candidate_schema
from schemas.manifest import manifest_sha256, write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from schemas.tables import write_table
from tests.conftest import write_queries

ROWS_PER_FILE = 250_000
MATCHES_PER_PAIR = 3.5
"""MetaCLIP counted 3.5 matches per text."""

HEAD_QUERIES, TAIL_SHARE = 0.032, 0.055
"""Of MetaCLIP's queries 3.2 % were over the cap and held 94.5 % of the matches; a fourth of the pairs was kept."""

CAPTIONS = ("a dog of the house", "red car", "view of the old town at night", "shop now", "my cat on a chair in may")


def write_candidates(root: Path, num_pairs: int, num_queries: int, hot_share: float, seed: int = 0) -> str:
    """Write ``root/queries`` and ``root/candidates`` and return the latter's path.

    Query 0 ("of") is in `hot_share` of the pairs. Of the other matches `TAIL_SHARE` fall evenly on the tail, the rest
    on the head (`HEAD_QUERIES` of the queries), the first of them most.
    """
    queries = Folder(write_queries(root / "queries", ["of", *(f"made{number}" for number in range(1, num_queries))]))
    folder = Folder(str(root / "candidates"))
    inputs = [{"name": "queries", "manifest_sha256": manifest_sha256(queries)}]
    config = {"num_pairs": num_pairs, "hot_share": hot_share, "seed": seed, "match_rule": "normalised"}
    record = RunRecord(command="pipeline collect", config=config, inputs=inputs, paths={"queries": queries.url})
    start_run(folder, record)
    files = []
    for number, begin in enumerate(range(0, num_pairs, ROWS_PER_FILE)):
        rows = min(ROWS_PER_FILE, num_pairs - begin)
        table = _made(np.random.default_rng([seed, number]), begin, rows, num_queries, hot_share)
        files.append(write_table(folder, f"{number:05d}.parquet", table, candidate_schema()))
    summary = {"counts": {"candidates": num_pairs}, "match_rule": "normalised"}
    write_manifest(folder, "candidates", files, rows=num_pairs, identity=record.identity, summary=summary)
    return folder.url


def _made(rng: np.random.Generator, begin: int, rows: int, num_queries: int, hot_share: float) -> pa.Table:
    pairs = rng.integers(0, 2**64, (rows, 2), dtype=np.uint64)
    pairs = pairs[np.lexsort(pairs.byteswap().T[::-1])]  # as collect leaves them: by pair_id
    images = rng.integers(0, 2**64, (rows, 2), dtype=np.uint64)
    texts = pa.array(CAPTIONS).take(pa.array(rng.integers(0, len(CAPTIONS), rows)))
    numbers = pa.array(np.arange(begin, begin + rows))
    url = pa.compute.binary_join_element_wise("http://images.example/", numbers.cast(pa.string()), ".jpg", "")
    schema = candidate_schema()
    columns = {
        "pair_id": ids_from_words(pairs),
        "image_id": ids_from_words(images),
        "url": url,
        "caption": texts,
        "text_source": pa.array(np.zeros(rows, dtype=np.int8)).cast(pa.string()),
        "source_file": pa.array(np.zeros(rows, dtype=np.int8)).cast(pa.string()),
        "source_row": numbers,
        "query_ids": _query_ids(rng, rows, num_queries, hot_share),
    }
    filled = [columns[field.name] if field.name in columns else pa.nulls(rows, field.type) for field in schema]
    return pa.Table.from_arrays(filled, schema=schema)


def _query_ids(rng: np.random.Generator, rows: int, num_queries: int, hot_share: float) -> pa.ListArray:
    """Return ascending query ids without repeats, one or more per row."""
    others = np.maximum(1, rng.poisson(MATCHES_PER_PAIR - hot_share, rows))
    row = np.repeat(np.arange(rows), others)
    head = max(2, int(HEAD_QUERIES * num_queries))
    in_tail = rng.random(len(row)) < TAIL_SHARE
    query = 1 + ((head - 1) * rng.random(len(row)) ** 2).astype(np.int64)
    query[in_tail] = rng.integers(head, num_queries, int(in_tail.sum()))
    hot = np.flatnonzero(rng.random(rows) < hot_share)
    together = np.unique(np.r_[row * num_queries + query, hot * num_queries])
    counts = np.bincount(together // num_queries, minlength=rows)
    values: npt.NDArray[np.int32] = (together % num_queries).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(np.r_[0, np.cumsum(counts)], pa.int32()), pa.array(values), type=QUERY_IDS)
