"""What readers of training data lose when a training is killed: ``python -m tests.peers.resume_table [READER ...]``.

    whole    2 workers, undisturbed         |----------------------------------------|
    killed   2 workers, SIGKILL at step k   |-------------X
    resumed  the same, or others            .             |--------------------------|  compared with `whole`

Each reader goes on as it documents (`read_until_killed.py`). Lost are samples that come less often than without the
kill, repeated those that come more often; in another batch are those that a step sees and would not have seen.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.environments import ENVIRONMENTS, REPOSITORY
from tests.support.small_shards import picture, write_tar
from tests.support.waiting import PATIENCE_S

NUM_SHARDS, PER_SHARD, EPOCHS, BATCH, SEED = 24, 40, 2, 24, 7
NUM_SAMPLES = NUM_SHARDS * PER_SHARD
KILLS = 3
WORKERS, LOADER_WORKERS = 2, 2
AGAIN = {"the same": (2, 2), "3 workers, not 2": (3, 2), "3 loader processes, not 2": (2, 3)}
"""How the training goes on: workers, and loader processes of each."""
PROGRAM = REPOSITORY / "tests" / "peers" / "read_until_killed.py"
FREE_PORT = 29_517


@dataclass(frozen=True)
class Peer:
    """A reader in its environment."""

    title: str
    reader: str
    python: Path
    package: str


def peers() -> list[Peer]:
    """Return the readers."""
    own, others = Path(sys.executable), ENVIRONMENTS["training"].python
    return [
        Peer("ShardLoader", "ours", own, ""),
        Peer("MosaicML streaming", "mosaicml", others, "mosaicml-streaming"),
        Peer("litdata", "litdata", others, "litdata"),
        Peer("webdataset", "webdataset", own, "webdataset"),
        Peer("webdataset", "webdataset", others, "webdataset"),
    ]


@dataclass(frozen=True)
class Differences:
    """Sums over the kills."""

    lost: int
    repeated: int
    in_another_batch: int
    error: str = ""

    def __str__(self) -> str:
        return self.error or f"{self.lost} / {self.repeated} / {self.in_another_batch}"


def kills(seed: int = SEED) -> list[int]:
    """Return after which steps the training is killed: in each epoch, not at its ends."""
    steps = NUM_SAMPLES // BATCH
    rng = random.Random(seed)
    return [number % EPOCHS * steps + rng.randrange(3, steps - 3) for number in range(KILLS)]


def write_tars(folder: Path) -> None:
    """Write the samples for those who read tars: their number is key and caption."""
    folder.mkdir()
    for shard in range(NUM_SHARDS):
        numbers = range(shard * PER_SHARD, (shard + 1) * PER_SHARD)
        members = [(f"{n:06d}.png", picture(n, 16)) for n in numbers], [(f"{n:06d}.txt", b"%d" % n) for n in numbers]
        write_tar(folder / f"{shard:05d}.tar", [member for pair in zip(*members, strict=True) for member in pair])


def run(
    peer: Peer, data: Path, folder: Path, workers: int, loader_workers: int, begin: Path, kill_after: int
) -> list[Counter[int]]:
    """Start the workers and return what each step saw. Raises CalledProcessError when a reader fails by itself."""
    folder.mkdir()
    if peer.reader == "mosaicml":  # what its processes that were killed left behind, as it documents
        clean = "import streaming.base.util; streaming.base.util.clean_stale_shared_memory()"
        subprocess.run([peer.python, "-c", clean], check=True, capture_output=True, env=_environment(folder, 0, 1))
    started = []
    for rank in range(workers):
        options = {
            "reader": peer.reader, "data": str(data), "batch_size": BATCH // workers, "epochs": EPOCHS, "seed": SEED,
            "loader_workers": loader_workers, "begin": str(begin), "end": str(folder / f"state-{rank}.json"),
            "log": str(folder / f"seen-{rank}.jsonl"), "kill_after": kill_after,
        }  # fmt: skip
        started.append(
            subprocess.Popen(
                [peer.python, PROGRAM, json.dumps(options)], cwd=folder, env=_environment(folder, rank, workers),
                stdout=subprocess.DEVNULL, stderr=(folder / f"errors-{rank}.txt").open("w"),
            )
        )  # fmt: skip
    codes = [process.wait(PATIENCE_S) for process in started]
    for rank, code in enumerate(codes):
        if code not in (0, -9):
            lines = (folder / f"errors-{rank}.txt").read_text().strip().splitlines() or [f"exit code {code}"]
            raise RuntimeError(f"{peer.title}: {lines[-1]}")
    steps: list[Counter[int]] = []
    for rank in range(workers):
        for step, line in enumerate((folder / f"seen-{rank}.jsonl").read_text().splitlines()):
            if step == len(steps):
                steps.append(Counter())
            steps[step].update(json.loads(line))
    return steps


def _environment(folder: Path, rank: int, workers: int) -> dict[str, str]:
    """Return what torchrun tells a worker, and a home that nobody else has."""
    told = {"RANK": rank, "GLOBAL_RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": workers, "LOCAL_WORLD_SIZE": workers}
    told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": FREE_PORT, "NNODES": 1, "OMP_NUM_THREADS": 1}
    homes = {"HOME": folder.parent, "XDG_CACHE_HOME": folder.parent / "cache", "PYTHONPATH": REPOSITORY}
    return {**os.environ, **{name: str(value) for name, value in (told | homes).items()}, "WDS_SECURE": "1"}


def compare(whole: list[Counter[int]], found: list[Counter[int]]) -> Differences:
    """Return what came less often, more often, and at another step."""
    expected, seen = sum(whole, Counter[int]()), sum(found, Counter[int]())
    padded = [*whole, *([Counter[int]()] * (len(found) - len(whole)))]
    moved = sum((taken - wanted).total() for wanted, taken in zip(padded, found, strict=False))
    return Differences((expected - seen).total(), (seen - expected).total(), moved)


def measure(peer: Peer, root: Path) -> dict[str, Differences]:
    """Return the differences of each way to go on, all kills together."""
    root.mkdir(parents=True)
    data = root / "data"
    if peer.reader in ("ours", "webdataset"):
        write_tars(data)
    else:
        wanted = {"write": True, "reader": peer.reader, "data": str(data), "num_samples": NUM_SAMPLES}
        command = [peer.python, PROGRAM, json.dumps({**wanted, "per_shard": PER_SHARD})]
        subprocess.run(command, check=True, cwd=root, env=_environment(root / "x", 0, 1), capture_output=True)
    nothing = root / "nothing"
    whole = run(peer, data, root / "whole", WORKERS, LOADER_WORKERS, nothing, 0)
    found: dict[str, Differences] = {}
    for number, kill in enumerate(kills()):
        killed = root / f"killed-{number}"
        before = run(peer, data, killed, WORKERS, LOADER_WORKERS, nothing, kill)
        for way, (workers, loader_workers) in AGAIN.items():
            folder = root / f"resumed-{number}-{workers}-{loader_workers}"
            try:
                after = run(peer, data, folder, workers, loader_workers, killed / "state-0.json", 0)
            except RuntimeError as error:
                found[way] = Differences(0, 0, 0, str(error))
                continue
            one, so_far = compare(whole, before + after), found.get(way, Differences(0, 0, 0))
            found[way] = Differences(
                so_far.lost + one.lost, so_far.repeated + one.repeated,
                so_far.in_another_batch + one.in_another_batch, so_far.error,
            )  # fmt: skip
    return found


def version(peer: Peer) -> str:
    """Return the version of the peer's package."""
    if not peer.package:
        return ""
    program = f"import importlib.metadata; print(importlib.metadata.version({peer.package!r}))"
    return subprocess.run([peer.python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def table(found: dict[str, dict[str, Differences]]) -> str:
    """Return the Markdown table of README.md."""
    lines = ["| reader | " + " | ".join(AGAIN) + " |", "|---" * (len(AGAIN) + 1) + "|"]
    for name, ways in found.items():
        lines.append(f"| {name} | " + " | ".join(str(ways[way]) for way in AGAIN) + " |")
    return "\n".join(lines)


def measure_all(readers: list[str]) -> dict[str, dict[str, Differences]]:
    """Return the differences of all readers, or of those named, by name and version."""
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="webimagetext-resume-") as root:
        for number, peer in enumerate(peers()):
            if readers and peer.reader not in readers:
                continue
            name = f"{peer.title} {version(peer)}".strip()
            found[name] = measure(peer, Path(root) / str(number))
            print(f"{name}: " + ", ".join(f"{way}: {one}" for way, one in found[name].items()), flush=True)
    return found


if __name__ == "__main__":
    print(table(measure_all(sys.argv[1:])))
