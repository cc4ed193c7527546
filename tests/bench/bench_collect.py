"""Speed of collect end to end (matching alone: bench_match; balance: bench_balance).

Run by `make bench BENCH=collect`. Captions are real ones where they are present, else made by seed; queries
are 500,000 phrases of them and of made words.
"""

import random
import shutil
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from schemas.text import normal_form, words
from tests.bench.timing import line
from tests.conftest import SHARED_DATA, write_queries

NUM_QUERIES = 500_000
NUM_CAPTIONS = 100_000
NUM_PAIRS = 1_000_000


def captions() -> list[str]:
    """Return `NUM_CAPTIONS` captions."""
    path = SHARED_DATA / "captions" / "test_10000.parquet"
    choose = random.Random(0)
    if path.is_file():
        real = [text for text in pq.read_table(path)["TEXT"].to_pylist() if text]
    else:
        made = ["".join(choose.choices("abcdefghijklmnopqrstuvwxyz", k=choose.randint(2, 9))) for _ in range(20_000)]
        real = [" ".join(choose.choices(made, k=choose.randint(4, 14))) for _ in range(10_000)]
    return [real[number % len(real)] for number in range(NUM_CAPTIONS)]


def queries(texts: list[str]) -> list[str]:
    """Return `NUM_QUERIES` queries: the words and half of the bigrams of `texts`, then made words."""
    found: dict[str, None] = {}
    for text in texts[:10_000]:
        split = words(text)
        found.update(dict.fromkeys(split))
        found.update(dict.fromkeys(" ".join(pair) for pair in zip(split[::2], split[1::2], strict=False)))
    made = [f"made{number}" for number in range(NUM_QUERIES - len(found))]
    return [*found, *made][:NUM_QUERIES]


def bench_jobs(texts: list[str], query_texts: list[str], folder: Path) -> None:
    """Time the job on Beam's local runner; the peer is the rate that is wanted."""
    (folder / "in").mkdir()
    for part in range(4):
        rows = range(part * NUM_PAIRS // 4, (part + 1) * NUM_PAIRS // 4)
        table = pa.table({
            "url": [f"http://images.example/{number}.jpg" for number in rows],
            "caption": [texts[number % len(texts)] for number in rows],
        })  # fmt: skip
        pq.write_table(table, folder / "in" / f"{part}.parquet", row_group_size=50_000)
    write_queries(folder / "queries", [text for text in query_texts if normal_form(text) == text][:NUM_QUERIES])
    two = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    collect = CollectConfig(
        input=f"{folder}/in/*.parquet", queries=f"{folder}/queries", output=str(folder / "candidates")
    )
    start = time.perf_counter()
    run_collect(collect, two)
    seconds = time.perf_counter() - start
    line("collect", NUM_PAIRS / seconds, "wanted rate", 150_000, "pairs/s", 1)


def main() -> None:
    texts = captions()
    query_texts = queries(texts)
    folder = Path(tempfile.mkdtemp(prefix="bench-collect-"))
    try:
        bench_jobs(texts, query_texts, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
