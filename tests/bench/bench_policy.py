"""What it costs to ask sites what they wish: `pipeline download --policy respect-explicit` beside `headers-only`.

Run by `make bench BENCH=policy`. Both are run as commands on the same photographs of some hundred hosts (`policy_web`),
in turn; the figures are medians of the rounds, less what the same command takes for `NUM_FEW` images: the start. CPU
seconds are of the command with its decode processes, without the server's.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.bench.photographs import repeated
from tests.bench.policy_web import hosts_of, url_of, wishing_web
from tests.bench.timing import line
from tests.support.download import make_selection

NUM_IMAGES = 6_000
NUM_FEW = 50
NUM_SHARDS = 2
ROUNDS = 5
WANTED = 0.9
WANTED_CPU = 1.1
POLICIES = ("respect-explicit", "headers-only")


@dataclass(frozen=True)
class Taken:
    wall_s: float
    cpu_s: float


def download(folder: Path, policy: str, num: int) -> Taken:
    """Download the selection in `folder` by the command; all of its images come."""
    output = folder / policy
    shutil.rmtree(output, ignore_errors=True)
    before, start = os.times(), time.perf_counter()
    subprocess.run([
        sys.executable, "-m", "pipeline", "download", "--selection", str(folder / "selection"),
        "--output", str(output), "--image-size", "256", "--resize-mode", "keep_ratio", "--resize-only-if-bigger",
        "--encode-quality", "95", "--allow-private-addresses", "--policy", policy,
    ], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    wall_s, after = time.perf_counter() - start, os.times()
    found = read_manifest(Folder(str(output)), "shards")
    assert found["rows"] == num, f"{found['rows']} of {num} images came"
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Taken(wall_s, cpu_s)


def prepare(folder: Path, port: int, num: int) -> Path:
    folder.mkdir()
    hosts = hosts_of(NUM_IMAGES)[:num]
    pairs = [
        (url_of(port, host, number), caption)
        for number, (host, (_, caption)) in enumerate(zip(hosts, repeated(num), strict=True))
    ]
    per_shard = -(-num // NUM_SHARDS)
    make_selection(str(folder / "selection"), [pairs[start : start + per_shard] for start in range(0, num, per_shard)])
    return folder


def main() -> None:
    rounds: dict[str, list[Taken]] = {policy: [] for policy in POLICIES}
    with tempfile.TemporaryDirectory(prefix="bench-policy-") as name, wishing_web() as port:
        few = prepare(Path(name) / "few", port, NUM_FEW)
        many = prepare(Path(name) / "many", port, NUM_IMAGES)
        for number in range(ROUNDS):
            for policy in POLICIES if number % 2 == 0 else POLICIES[::-1]:
                start, whole = download(few, policy, NUM_FEW), download(many, policy, NUM_IMAGES)
                rounds[policy].append(Taken(whole.wall_s - start.wall_s, whole.cpu_s - start.cpu_s))
    more = NUM_IMAGES - NUM_FEW
    rates = [more / statistics.median(taken.wall_s for taken in rounds[policy]) for policy in POLICIES]
    costs = [1000 * statistics.median(taken.cpu_s for taken in rounds[policy]) / more for policy in POLICIES]
    for policy in POLICIES:
        told = ", ".join(f"{more / taken.wall_s:,.0f} ({1000 * taken.cpu_s / more:.2f})" for taken in rounds[policy])
        print(f"{policy}, images/s (CPU ms an image) of each round: {told}")
    print(f"{NUM_IMAGES} images of {max(hosts_of(NUM_IMAGES)) + 1} hosts")
    line("policy", rates[0], "headers-only", rates[1], "images/s", WANTED)
    line("policy-cpu", costs[0], "headers-only", costs[1], "CPU ms an image", WANTED_CPU)


if __name__ == "__main__":
    main()
