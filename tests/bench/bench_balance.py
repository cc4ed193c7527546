"""Speed of balance on Beam's local runner, in one process and with two workers, over made candidates.

Run by `make bench BENCH=balance`. There is no peer that balances in bounded memory; the rate is held against the one
that is wanted. A fourth of the pairs is selected, as with MetaCLIP. Starting two workers costs seconds (Beam's
imports), so the larger input shows the rate and the smaller one what starting costs.
"""

import shutil
import tempfile
import time
from pathlib import Path

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from tests.bench.made_candidates import write_candidates
from tests.bench.timing import line

WANTED_RATE = 300_000
HOT_SHARE, NUM_QUERIES = 0.3, 50_000
CAP_PER_MILLION = 125
ROUNDS = 2
RUNNERS = {"one-process": [], "two-workers": ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]}


def bench(root: Path, millions: int) -> None:
    """Time `ROUNDS` runs each, in turn, and print the best."""
    candidates = write_candidates(root, millions * 1_000_000, NUM_QUERIES, HOT_SHARE)
    cap = CAP_PER_MILLION * millions
    best: dict[str, float] = {}
    for turn in range(ROUNDS):
        for name, beam_args in RUNNERS.items():
            output = root / f"{name}-{turn}"
            start = time.perf_counter()
            run_balance(BalanceConfig(candidates=candidates, output=str(output), max_pairs_per_query=cap), beam_args)
            best[name] = min(best.get(name, 1e9), time.perf_counter() - start)
            shutil.rmtree(output)
    for name, seconds in best.items():
        line(
            f"balance-{millions}-million-{name}",
            millions * 1_000_000 / seconds,
            "wanted rate",
            WANTED_RATE,
            "candidates/s",
            1,
        )


def main() -> None:
    for millions in (1, 8):
        root = Path(tempfile.mkdtemp(prefix="bench-balance-"))
        try:
            bench(root, millions)
        finally:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
