"""Whether two checkouts make the same bytes: the proof of a refactoring.

    python -m tests.equal_bytes ../checkout-before          # compares it with this checkout

Both make a query list of the dump sample, count it too, collect, balance, download with a refill (from a web server of
this checkout) and train for some steps, with the interpreter that runs this, in folders of their own; then every file
is compared but those with clocks in them (`CLOCKS`). Exit code 1 and the names of the files where they differ.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.demo.dump_sample import article_titles, dump_sample
from tests.demo.page_views import write_page_views
from tests.demo.server import serving
from tests.demo.world import World, write_table

HERE = Path(__file__).resolve().parents[1]
WORLD = World(
    num_images=600, num_failing=5, num_without_query=20, num_duplicates=20, num_broken=2, num_evaluation=10
)  # fmt: skip
CLOCKS = ("run.json", "_stats.json", "metrics.csv", "training.json")
"""Endings of the names of files that hold times or rates."""
NOT_COMPARED = ("counted/runs/", "training/ray/")
"""Folders of work in progress: their form may change, what is made of them may not."""


def commands(made: Path, given: Path) -> list[list[str]]:
    """Return what is run in each checkout: from `given` input to `made` folders."""
    module = [sys.executable, "-m"]
    return [
        [
            *module, "querygen", "build", "--dump", str(dump_sample()), "--pageviews", f"{given}/page-views/*.gz",
            "--output", f"{made}/queries", "--min-bigram-count", "20", "--num-processes", "1",
        ],
        [
            *module, "querygen", "count", "--dump", str(dump_sample()), "--output", f"{made}/counted",
            "--num-processes", "1",
        ],
        [
            *module, "pipeline", "run", "--input", f"{given}/urls/*.parquet", "--queries", f"{made}/queries",
            "--output", f"{made}/run", "--max-pairs-per-query", "60", "--samples-per-shard", "200", "--image-size",
            "64", "--timeout-s", "10", "--retries", "0", "--allow-private-addresses",
        ],
        [
            sys.executable, "trainer/run.py", "--shards", f"{made}/run/shards", "--model", "rn-tiny", "--output",
            f"{made}/training", "--epochs", "0.5", "--global-batch-size", "64", "--device", "cpu",
            "--decode-threads", "1",
        ],
    ]  # fmt: skip


def make(checkout: Path, made: Path, given: Path) -> None:
    """Run all commands in `checkout`. Raises SystemExit with the words of one that fails."""
    for command in commands(made, given):
        print(f"{checkout.name}: {' '.join(command[1:4])}", flush=True)
        done = subprocess.run(
            command, cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{done.stdout[-5_000:]}{done.stderr[-5_000:]}error: {command} failed in {checkout}")


def hashes(made: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below `made` that is compared, by name."""
    found = {path.relative_to(made).as_posix(): path for path in sorted(made.rglob("*")) if path.is_file()}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in found.items()
        if not name.endswith(CLOCKS) and not name.startswith(NOT_COMPARED)
    }


def compare(before: Path, after: Path, folder: Path) -> tuple[list[str], int]:
    """Return (names of the files that differ or that only one checkout makes, number of files compared)."""
    given = folder / "given"
    write_page_views(article_titles(dump_sample()), WORLD.seed, given / "page-views")
    write_table(WORLD, given / "urls")
    with serving(WORLD):
        made = []
        for name, checkout in (("before", before), ("after", after)):
            make(checkout, folder / name, given)
            made.append(hashes(folder / name))
    first, second = made
    differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    return differing, len(first.keys() | second.keys())


def main() -> int:
    """Print what was found; 1 where the bytes differ."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "pipeline").is_dir():
        print("usage: python -m tests.equal_bytes OTHER_CHECKOUT (a folder with pipeline/ in it)", file=sys.stderr)
        return 2
    before = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="equal-bytes-") as folder:
        differing, number = compare(before, HERE, Path(folder))
    if differing:
        print("\n".join(differing), f"error: {len(differing)} of {number} files differ", sep="\n", file=sys.stderr)
        return 1
    print(f"{number} files, the same bytes from both checkouts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
