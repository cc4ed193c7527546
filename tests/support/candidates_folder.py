"""Candidates folders of a few pairs with given matches, and the selection they should give, by the definition."""

import hashlib
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.buffers import ID
from schemas.candidate import QUERY_IDS, candidate_schema, selection_schema
from schemas.manifest import manifest_sha256, write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.sample import FURTHER_CAPTIONS, SHARD_TABLE
from schemas.storage import Folder
from schemas.stored_ids import from_stored
from schemas.tables import write_table
from tests.conftest import write_queries

Matches = dict[bytes, list[int]]
"""pair_id -> query ids."""


def pair_id(number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "little"), digest_size=16).digest()


def image_id(number: int) -> bytes:
    """Return the image of pair `number`: every third pair shares one with the pair before."""
    return hashlib.blake2b((number - (number % 3 == 2)).to_bytes(8, "big"), digest_size=16).digest()


def write_candidates(
    root: Path, queries_of: list[list[int]], surfaces: list[str], num_files: int = 2, host: str = "images.example"
) -> str:
    """Write ``root/queries`` and ``root/candidates``: pair i matches ``queries_of[i]``; return the candidates."""
    queries = Folder(write_queries(root / "queries", surfaces))
    folder = Folder(str(root / "candidates"))
    record = RunRecord(
        command="pipeline collect",
        config={"match_rule": "normalised"},
        inputs=[{"name": "queries", "manifest_sha256": manifest_sha256(queries)}],
        paths={"queries": queries.url},
    )
    start_run(folder, record)
    schema = candidate_schema()
    rows = sorted(
        (
            {
                "pair_id": pair_id(number), "image_id": image_id(number), "url": f"http://{host}/{number}",
                "caption": f"caption {number}", "text_source": "alt", "source_file": "a", "source_row": number,
                "query_ids": matched,
            }
            for number, matched in enumerate(queries_of)
        ),
        key=lambda row: row["pair_id"],
    )  # fmt: skip
    each = -(-len(rows) // num_files)
    files = [
        write_table(folder, f"{n:05d}.parquet", pa.Table.from_pylist(rows[n * each : (n + 1) * each], schema), schema)
        for n in range(num_files)
    ]
    write_manifest(folder, "candidates", files, rows=len(rows), identity=record.identity, summary={})
    return folder.url


def match_table(matches: Matches) -> pa.Table:
    return pa.table({
        "pair_id": pa.array(list(matches), ID), "query_ids": pa.array(list(matches.values()), QUERY_IDS)
    })  # fmt: skip


def rank(pair: bytes, seed: int) -> int:
    key = seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(pair, digest_size=8, person=b"wit.rank.1", key=key).digest(), "little")


def draw(pair: bytes, query: int, seed: int) -> int:
    key = seed.to_bytes(8, "little")
    row = pair + query.to_bytes(4, "little")
    return int.from_bytes(hashlib.blake2b(row, digest_size=8, person=b"wit.draw.1", key=key).digest(), "little")


def brute_force(matches: Matches, caps: list[int], seed: int, mode: str = "per_query_cap") -> Matches:
    """Return pair_id -> kept_by, by the definition."""
    of_query = defaultdict(list)
    for pair, queries in matches.items():
        for query in queries:
            of_query[query].append((rank(pair, seed), pair))
    kept = defaultdict(list)
    for query, found in sorted(of_query.items()):
        for number, (_, pair) in enumerate(sorted(found)):
            by_draw = draw(pair, query, seed) * len(found) < caps[query] << 64
            if len(found) <= caps[query] or (number < caps[query] if mode == "per_query_cap" else by_draw):
                kept[pair].append(query)
    return dict(kept)


def read_selection(folder: str) -> pa.Table:
    names = sorted(Path(folder).glob("[0-9]*.parquet"))
    found = [from_stored(pq.read_table(name), selection_schema()) for name in names]
    return pa.concat_tables([selection_schema().empty_table(), *found])


def write_shards(selection: str, output: Path, failed_keys: set[str]) -> str:
    """Write the tables that a download of `selection` would leave, with the given images failed."""
    folder = Folder(str(output))
    for path in sorted(Path(selection).glob("[0-9]*.parquet")):
        images, further = defaultdict(list), defaultdict(list)
        for row in pq.read_table(path).to_pylist():
            (further if row["stored"] else images)[row["key"]].append(row)
        rows = [
            {
                "url": group[0]["url"], "caption": group[0]["caption"], "key": key, "retryable": False,
                "status": "failed_to_download" if key in failed_keys else "success",
                "image_id": group[0]["image_id"], "captions": [row["caption"] for row in group],
                "pair_ids": [row["pair_id"] for row in group], "query_ids": [row["query_ids"] for row in group],
                "members": [], "signals": [],
            }
            for groups in (images, further)
            for key, group in groups.items()
        ]  # fmt: skip
        table = pa.Table.from_pylist(rows, schema=SHARD_TABLE)
        brought = any(row["status"] == "success" for row in rows[: len(images)])
        name = path.name if brought else f"without-images-{path.name}"
        write_table(folder, name, table[: len(images)], SHARD_TABLE)
        if further:
            names = FURTHER_CAPTIONS.names
            write_table(folder, f"further_captions/{path.name}", table[len(images) :].select(names), FURTHER_CAPTIONS)
    return folder.url
