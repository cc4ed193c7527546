"""Memory and time of collect on the embedded Flink, at growing sizes: memory must be flat, time linear.

Run by `make bench BENCH=flink` (1 and 20 million pairs; 15 GB of disk), or with other numbers of millions:
``python -m tests.bench.bench_flink 1 5``. The job server's jar is found as in the tests (FLINK_JOB_SERVER_JAR).
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench.bench_collect import captions, queries, write_pairs
from tests.bench.bench_hot_query import watch
from tests.conftest import write_queries
from tests.support.flink import find_job_server_jar

FLINK = ["--", "--runner=FlinkRunner", "--flink_master=[local]", "--parallelism=2"]


def main() -> None:
    os.environ["FLINK_JOB_SERVER_JAR"] = find_job_server_jar()
    texts = captions()
    folder = Path(tempfile.mkdtemp(prefix="bench-flink-"))
    seconds = []
    sizes = [int(size) for size in sys.argv[1:]] or [1, 20]
    try:
        write_queries(folder / "queries", queries(texts))
        for millions in sizes:
            found = write_pairs(folder / "in", texts, millions * 1_000_000)
            run = watch([sys.executable, "-m", "pipeline", "collect", "--input", found, "--queries",
                         f"{folder}/queries", "--output", f"{folder}/candidates", *FLINK])  # fmt: skip
            shutil.rmtree(folder / "in")
            shutil.rmtree(folder / "candidates")
            seconds.append(run.seconds)
            print(
                f"bench flink {millions} million: Python worker {run.worker_bytes / 1e6:,.0f} MB, Flink "
                f"{run.java_bytes / 1e6:,.0f} MB, launcher {run.launcher_bytes / 1e6:,.0f} MB; {run.seconds:.0f} s, "
                f"{millions * 1e6 / run.seconds:,.0f} pairs/s",
                flush=True,
            )
    finally:
        shutil.rmtree(folder)
    each = (seconds[-1] - seconds[0]) / max(1, sizes[-1] - sizes[0])
    print(f"bench flink: {seconds[0] - sizes[0] * each:.1f} s fixed, {each:.2f} microseconds a pair")


if __name__ == "__main__":
    main()
