"""One query in 30 % of the pairs: balance's memory and time per pair must not grow with the number of pairs.

Run by `make bench BENCH=hot_query` (2 and 20 million candidates; 3 GB of disk), or with other numbers of millions:
``python -m tests.bench.bench_hot_query 2 8``. Prints, for each size, the most memory any worker process had and
the CPU microseconds per pair; the cap grows with the size, so that the same share of the pairs is selected.

Why it holds for 10 billion pairs and 500,000 queries, of which "of" matches 3 billion:

- A worker reads one row group (65,536 pairs, 20 MB) at a time, and keeps counts, caps, bounds and thresholds of all
  queries (about 70 bytes each: 35 MB) and at most 64 MB of selected pairs.
- No key is hot: matches are counted by position in an array, not by key. Of the 3 billion pairs of "of" only those of
  a rank below (20,000 + 8 sqrt(20,000)) / 3 billion are shuffled: 21,132 rows, as many as for any other query over
  the cap. At MetaCLIP's 16,000 queries over the cap that is 0.34 billion rows of 28 bytes in 1,024 partitions of
  up to 500,000 (14 MB, five times that while sorted).
- Selected pairs are shuffled by image, which is a hash: a partition is 16 MB of Parquet, ten times that while sorted.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.made_candidates import write_candidates
from tests.bench.process_tree import _tree

HOT_SHARE, NUM_QUERIES = 0.3, 50_000
CAP_PER_MILLION = 125
MAX_WORKER_BYTES = 1_500_000_000
POLL_S = 0.5
TWO_WORKERS = ["--", "--direct_num_workers=2", "--direct_running_mode=multi_processing"]


@dataclass(frozen=True)
class Run:
    """What one balance took."""

    seconds: float
    cpu_seconds: float
    worker_bytes: int
    """Most resident memory of any Python worker process."""
    launcher_bytes: int
    """Of the process that holds Beam's local runner."""
    java_bytes: int = 0
    """Of Flink, where it runs the job."""


def watch(command: list[str]) -> Run:
    """Run `command` and look at its processes until it ends. Raises RuntimeError when it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peaks: dict[int, int] = {}
    java: set[int] = set()
    cpu: dict[int, float] = {}  # of each process as it runs: a forked worker is no child that is waited for
    while process.poll() is None:
        for pid in _tree(process.pid):
            peaks[pid] = max(peaks.get(pid, 0), _peak_bytes(pid))
            cpu[pid] = max(cpu.get(pid, 0.0), _cpu_seconds(pid))
            if _program(pid) == "java":
                java.add(pid)
        time.sleep(POLL_S)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    launcher = peaks.pop(process.pid)
    java_bytes = max([peaks.pop(pid) for pid in java if pid in peaks], default=0)
    return Run(seconds, sum(cpu.values()), max(peaks.values(), default=0), launcher, java_bytes)


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:  # it has just ended
        return ""


def _peak_bytes(pid: int) -> int:
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:  # it has just ended
        return 0
    return int(found.group(1)) * 1024 if found else 0


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [2, 20]
    per_pair = []
    for millions in sizes:
        root = Path(tempfile.mkdtemp(prefix="bench-hot-query-"))
        try:
            candidates = write_candidates(root, millions * 1_000_000, NUM_QUERIES, HOT_SHARE)
            cap = str(CAP_PER_MILLION * millions)
            command = [sys.executable, "-m", "pipeline", "balance", "--candidates", candidates, "--output",
                       f"{root}/selection", "--max-pairs-per-query", cap, *TWO_WORKERS]  # fmt: skip
            run = watch(command)
        finally:
            shutil.rmtree(root)
        per_pair.append(run.cpu_seconds / millions)
        print(
            f"bench hot-query {millions} million: worker {run.worker_bytes / 1e6:,.0f} MB, wanted at most "
            f"{MAX_WORKER_BYTES / 1e6:,.0f}; launcher {run.launcher_bytes / 1e6:,.0f} MB; {run.seconds:.1f} s, "
            f"{run.cpu_seconds / millions:.2f} CPU microseconds per pair",
            flush=True,
        )
    print(
        f"bench hot-query: time per pair {per_pair[-1] / per_pair[0]:.2f} times from {sizes[0]} to {sizes[-1]} million"
    )


if __name__ == "__main__":
    main()
