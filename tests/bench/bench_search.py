"""Exact search among 1 million features of 512 numbers, beside faiss (flat), usearch (exact) and numpy in the same run.

Run by `make bench BENCH=search`. Features are float16 around 1,000 centres, as those of real images crowd; queries are
noisy copies of some. By the clock and by processor time, two threads each, in turn; the first ten are compared with the
definition in float64. Peers that are not installed are left out: pip install faiss-cpu usearch.
"""

import os
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tests.bench.timing import ROUNDS, line
from trainer.search.codes import Codes, encode_rows
from trainer.search.exact_search import ExactSearch

ROWS = int(os.environ.get("BENCH_SEARCH_ROWS", "1000000"))
WIDTH, BATCH, K, THREADS = 512, 64, 10, 2
CHECKED = int(os.environ.get("BENCH_SEARCH_CHECKED", "1000"))
"""Queries whose first ten are compared."""
WANTED_MS, WANTED_EQUAL = 50.0, 0.999

Floats = npt.NDArray[np.floating]
Search = Callable[[Floats], npt.NDArray[np.int64]]


def made() -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float32]]:
    """Return the features, of length one, and the queries."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((1_000, WIDTH), dtype=np.float32)
    rows = np.empty((ROWS, WIDTH), dtype=np.float16)
    for start in range(0, ROWS, 50_000):
        num = min(50_000, ROWS - start)
        part = centres[rng.integers(0, 1_000, num)] + rng.standard_normal((num, WIDTH), dtype=np.float32)
        rows[start : start + num] = part / np.linalg.norm(part, axis=1, keepdims=True)
    near: npt.NDArray[np.float32] = rows[rng.integers(0, ROWS, CHECKED)].astype(np.float32)
    return rows, near + 0.05 * rng.standard_normal(near.shape, dtype=np.float32)


def codes_of(rows: npt.NDArray[np.float16]) -> Codes:
    """Return the codes, made 50,000 rows at a time."""
    parts = [encode_rows(rows[start : start + 50_000].astype(np.float32), "rows") for start in range(0, ROWS, 50_000)]
    return Codes(*(np.concatenate([getattr(part, name) for part in parts]) for name in
                   ("codes_NE", "scales_N", "left_out_N")))  # fmt: skip


def peers(rows: npt.NDArray[np.float16]) -> dict[str, Search]:
    """Return the searches of those that are installed, each over float32 as it wants it."""
    floats = rows.astype(np.float32)
    found: dict[str, Search] = {}

    def by_numpy(queries: Floats) -> npt.NDArray[np.int64]:
        cosines = queries @ floats.T
        top = np.argpartition(-cosines, K, axis=1)[:, :K]
        return np.take_along_axis(top, np.argsort(-np.take_along_axis(cosines, top, 1), axis=1), 1)

    found["numpy"] = by_numpy
    try:
        import faiss

        faiss.omp_set_num_threads(THREADS)
        index = faiss.IndexFlatIP(WIDTH)
        index.add(floats)
        found["faiss"] = lambda queries: index.search(queries, K)[1]
    except ImportError:
        print("faiss left out: pip install faiss-cpu")
    try:
        from usearch.index import MetricKind, search

        found["usearch"] = lambda queries: np.atleast_2d(
            search(floats, queries, K, MetricKind.IP, exact=True, threads=THREADS).keys
        )
    except ImportError:
        print("usearch left out: pip install usearch")
    return found


def milliseconds(searches: dict[str, Search], queries: Floats) -> dict[str, tuple[float, float]]:
    """Return the least (clock, processor) milliseconds a query of each, in turn."""
    least = {name: (float("inf"), float("inf")) for name in searches}
    for _ in range(ROUNDS):
        for name, search in searches.items():
            clock, cpu = time.perf_counter(), time.process_time()
            search(queries)
            taken = (time.perf_counter() - clock, time.process_time() - cpu)
            least[name] = tuple(min(a, 1e3 * b / len(queries)) for a, b in zip(least[name], taken, strict=True))
    return least


def best_cosines(rows: npt.NDArray[np.float16], queries: Floats) -> npt.NDArray[np.float64]:
    """Return the `K` largest of all cosines times the query's length in float64, by the definition."""
    own = queries.astype(np.float64)
    best = np.full((len(own), K), -np.inf)
    for first in range(0, len(rows), 20_000):
        part = rows[first : first + 20_000].astype(np.float64)
        cosines = own @ (part / np.linalg.norm(part, axis=1, keepdims=True)).T
        best = np.partition(np.concatenate([best, cosines], axis=1), -K, axis=1)[:, -K:]
    return -np.sort(-best, axis=1)


def agreement(
    rows: npt.NDArray[np.float16], queries: Floats, best: npt.NDArray[np.float64], found: npt.NDArray[np.int64]
) -> float:
    """Return the part of the queries whose first ten have the ten best cosines."""
    theirs = rows[found].astype(np.float64)
    theirs /= np.linalg.norm(theirs, axis=2, keepdims=True)
    return float((np.abs(np.einsum("qke,qe->qk", theirs, queries) - best).max(axis=1) < 1e-9).mean())


def main() -> None:
    rows, queries = made()
    start = time.perf_counter()
    codes = codes_of(rows)
    print(f"bench search: codes of {ROWS:,} rows in {time.perf_counter() - start:.1f} s on one core")
    ours = ExactSearch(rows, codes)
    searches: dict[str, Search] = {"ours": lambda q: ours.search(q, K, THREADS).rows_Qk, **peers(rows)}
    for name, asked in ((f"batch of {BATCH}", queries[:BATCH]), ("alone", queries[:1])):
        taken = milliseconds(searches, asked)
        line(f"search, {name}, clock a query", taken["ours"][0], "wanted", WANTED_MS, "ms", 1)
        for peer in list(searches)[1:]:
            for kind, of in enumerate(("clock", "cpu")):
                line(f"search, {name}, {of} a query", taken["ours"][kind], peer, taken[peer][kind], "ms", 1)
    best = best_cosines(rows, queries)
    alone = np.concatenate([searches["ours"](query[None]) for query in queries])
    for name, found in ((f"{CHECKED} queries alone", alone), ("the same together", searches["ours"](queries))):
        line(f"search, {name}, first ten", agreement(rows, queries, best, found), "float64", 1, "equal", WANTED_EQUAL)


if __name__ == "__main__":
    main()
