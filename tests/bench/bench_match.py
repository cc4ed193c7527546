"""Speed of matching beside pyahocorasick used MetaCLIP's way (spacing, then its automaton, matches once each).

Run by `make bench BENCH=match`. Captions are the real ones, queries 500,000 of real text (`tests.bench.real_queries`);
both take turns in one process, and CPU seconds are compared, the least of some rounds: other processes disturb them
least. Also stated: bytes of the tables, CPU seconds to build them, matches per caption. The captions are matched in
tables of 10,000, as `collect` does.
"""

import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.match.config import MatchOptions
from pipeline.match.query_matcher import QueryMatcher
from schemas.text import normal_form
from tests.bench.real_queries import real_queries
from tests.bench.timing import line
from tests.conftest import SHARED_DATA
from tests.support.metaclip_reference import automaton, matches, worldwide_automaton

NUM_QUERIES = 500_000
ROUNDS = 7
PEER_CAPTIONS = 4_000
"""The peer takes this part of the captions: it is the slower one by far."""


def queries_table() -> pa.Table:
    """Return the queries as `querygen` writes them: different surfaces, and different texts too."""
    by_text = {normal_form(surface): surface for surface in reversed(real_queries(NUM_QUERIES))}
    by_text.pop("", None)
    size = len(by_text)
    return pa.table({
        "query_id": pa.array(np.arange(size, dtype=np.int32)),
        "text": list(by_text),
        "surface": list(by_text.values()),
        "language": ["en"] * size,
    })  # fmt: skip


def main() -> None:
    if not SHARED_DATA.is_dir():
        raise SystemExit(f"bench match needs the real captions and texts at {SHARED_DATA}")
    captions = [
        text for text in pq.read_table(SHARED_DATA / "captions" / "test_10000.parquet")["TEXT"].to_pylist() if text
    ]
    pairs = pa.table({"caption": captions, "raw_caption": captions, "language": ["en"] * len(captions)})
    queries = queries_table()
    surfaces = queries["surface"].to_pylist()
    for rule in ("normalised", "metaclip", "metaclip2"):
        options = MatchOptions(queries="", match_rule=rule)
        QueryMatcher(queries.slice(0, 10), options).match(pairs.slice(0, 10))  # compiled, tables of folding made
        before = time.process_time()
        matcher = QueryMatcher(queries, options)
        load_s = time.process_time() - before
        found = matcher.match(pairs)
        made = worldwide_automaton(surfaces) if rule == "metaclip2" else automaton(surfaces)
        few = captions[:PEER_CAPTIONS]

        def ours(matcher: QueryMatcher = matcher) -> None:
            matcher.match(pairs)

        def peer(made: object = made, few: list[str] = few) -> None:
            for text in few:
                matches(made, text)

        our_s, peer_s = _least_cpu_seconds(ours, peer)
        name = f"match-{rule}"
        line(name, len(captions) / our_s, "pyahocorasick", len(few) / peer_s, "captions/s", 10)
        print(
            f"bench {name}: {len(queries):,} queries, tables {matcher.nbytes / 1e6:.1f} MB built in {load_s:.2f} s, "
            f"{len(found.values) / len(captions):.2f} matches per caption",
            flush=True,
        )


def _least_cpu_seconds(*runs: Callable[[], None]) -> list[float]:
    seconds = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        for number, run in enumerate(runs):
            start = time.process_time()
            run()
            seconds[number] = min(seconds[number], time.process_time() - start)
    return seconds


if __name__ == "__main__":
    main()
