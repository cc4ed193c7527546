"""Speed of querygen: dumps to counts beside decompression alone and gensim, on one core and two; page views.

Run by `make bench BENCH=querygen`. The dumps are made (see `dump_pages`) and kept for the next run; $BENCH_FOLDER
says where, $BENCH_SIZES their megabytes of XML ("200,400,800"), $BENCH_ROUNDS how often all are run in turn. Each run
is a process of its own, start included, held to one core with whatever it starts. gensim reads the smallest file
only: a Python Counter of the largest one's bigrams takes more than 10 GB.
"""

import os
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.bench.dump_files import MadeDump, bench_folder, make_dumps
from tests.bench.page_views import bench_page_views
from tests.bench.process_tree import Measured, measure
from tests.bench.timing import line
from tests.demo.dump_sample import dump_sample

SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", "200,400,800").split(",")]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "2"))
WANTED_OF_BZ2 = 0.6
WANTED_OF_GENSIM = 10
WANTED_OF_TWO_CORES = 1.7
MOST_MEMORY_GB = 8

BZ2_ALONE = """
import bz2, sys
with bz2.open(sys.argv[1]) as file:
    while file.read(1 << 20):
        pass
"""

GENSIM = """
import sys
from collections import Counter
from itertools import pairwise
from gensim.corpora import WikiCorpus
words, bigrams = Counter(), Counter()
for tokens in WikiCorpus(sys.argv[1], processes=1, dictionary={}).get_texts():
    words.update(tokens)
    bigrams.update(pairwise(tokens))
print(f"{words.total():,} words, {len(words):,} distinct; {bigrams.total():,} bigrams, {len(bigrams):,} distinct")
"""


def count_dump(path: Path, num_processes: int, cores: set[int], xml_bytes: int | None = None) -> Measured:
    """Run our command on a dump; check that it read all `xml_bytes` of it."""
    with tempfile.TemporaryDirectory(prefix="bench-querygen-", dir=bench_folder()) as folder:
        measured = measure([
            sys.executable, "-m", "querygen", "count", "--dump", str(path), "--output", f"{folder}/counts",
            "--num-processes", str(num_processes), "--memory-gb", str(MOST_MEMORY_GB),
        ], cores)  # fmt: skip
        summary = read_manifest(Folder(f"{folder}/counts"), "counts")["summary"]
    assert xml_bytes in (None, summary["statistics"]["xml_bytes"])
    assert set(summary["rejections"]) <= {"page_markup_unclosed"}
    return measured


def run_peer(script: str, path: Path, cores: set[int]) -> Measured:
    return measure([sys.executable, "-c", script, str(path)], cores)


def best(runs: list[Measured]) -> Measured:
    """Return the least seconds and the most memory of `runs`."""
    return Measured(min(run.seconds for run in runs), max(run.peak_bytes for run in runs), runs[0].output)


def bench_dumps(dumps: list[MadeDump]) -> None:
    cores = sorted(os.sched_getaffinity(0))
    one, two = {cores[-1]}, set(cores[-2:])
    smallest, largest = dumps[0], dumps[-1]
    ours: dict[MadeDump, list[Measured]] = {dump: [] for dump in dumps}
    alone: dict[MadeDump, list[Measured]] = {dump: [] for dump in dumps}
    gensim: list[Measured] = []
    on_two: list[Measured] = []
    count_dump(dump_sample(), 1, one)  # compiles the kernels, for all runs after it
    for _ in range(ROUNDS):
        for dump in dumps:
            alone[dump].append(run_peer(BZ2_ALONE, dump.path, one))
            ours[dump].append(count_dump(dump.path, 1, one, dump.xml_bytes))
        if len(two) == 2:
            on_two.append(count_dump(largest.path, 2, two, largest.xml_bytes))
    gensim.append(run_peer(GENSIM, smallest.path, one))  # once: it takes minutes
    found = {dump: best(runs) for dump, runs in ours.items()}
    print(f"counts of {largest.path.name}:\n{found[largest].output.rstrip()}")
    print(f"gensim's of {smallest.path.name}:\n{gensim[0].output.rstrip()}")
    for dump, measured in found.items():
        name, peer = f"querygen-{dump.megabytes}mb", best(alone[dump])
        speed = dump.xml_bytes / 1e6 / measured.seconds
        line(f"{name}-of-bz2", speed, "bz2 alone", dump.xml_bytes / 1e6 / peer.seconds, "MB/s of XML", WANTED_OF_BZ2)
        line(f"{name}-memory", measured.peak_bytes / 1e9, "the bound", MOST_MEMORY_GB, "GB", 1)
    for less, more in pairwise(dumps):
        times = more.megabytes / less.megabytes
        shorter = found[less].seconds
        line(f"querygen-{more.megabytes}mb-time", found[more].seconds, f"{less.megabytes} MB", shorter, "s", times)
    speed = smallest.xml_bytes / 1e6 / found[smallest].seconds
    their_speed = smallest.xml_bytes / 1e6 / best(gensim).seconds
    line(f"querygen-{smallest.megabytes}mb", speed, "gensim", their_speed, "MB/s of XML", WANTED_OF_GENSIM)
    if len(two) == 2:
        speed, one_speed = (largest.xml_bytes / 1e6 / each.seconds for each in (best(on_two), found[largest]))
        line(f"querygen-{largest.megabytes}mb-two-cores", speed, "one", one_speed, "MB/s of XML", WANTED_OF_TWO_CORES)
        used = best(on_two).peak_bytes / 1e9
        line(f"querygen-{largest.megabytes}mb-two-cores-memory", used, "the bound", MOST_MEMORY_GB, "GB", 1)


def main() -> None:
    bench_dumps(make_dumps(SIZES))
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="bench-querygen-", dir=bench_folder()) as folder:
        bench_page_views(Path(folder))


if __name__ == "__main__":
    main()
