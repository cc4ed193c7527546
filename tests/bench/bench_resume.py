"""How much later the first batch comes when a training goes on than when it begins: 100,000 shards.

Run by `make bench BENCH=resume`. The shards are hard links to a few tars of 64 small pictures, with an index beside
them; each start is a process of its own, from its first line to the first batch of 256, in turn at the beginning, in
the middle of the first epoch and of the 30th. On a busy machine its CPU says more than the wall.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from schemas.shard_index import INDEX_NAME, SHARD_INDEX
from schemas.storage import Folder
from schemas.tables import write_table
from tests.bench.cpu_seconds import Taken
from tests.bench.timing import line
from tests.support.small_shards import picture, write_tar
from trainer.data.find_index import make_index

NUM_SHARDS, PER_SHARD, NUM_TARS = 100_000, 64, 4
BATCH_SIZE, EPOCHS, ROUNDS = 256, 32, 3
WANTED_S = 2.0
NUM_SAMPLES = NUM_SHARDS * PER_SHARD
PLACES = {"in the first epoch": NUM_SAMPLES // 2, "in the 30th epoch": NUM_SAMPLES * 59 // 2}

PROGRAM = """
import sys, time
started = time.perf_counter()
from trainer.data import ShardLoader
folder, batches = sys.argv[1], int(sys.argv[2])
loader = ShardLoader(folder, batch_size={batch}, image_px=16, epochs={epochs})
loader.load_state_dict({{**loader.state_dict(), "batches": batches}})
next(iter(loader))
print(time.perf_counter() - started, time.process_time())
"""


def write_shards(folder: Path) -> None:
    """Write the tars and the links to them, with an index."""
    for number in range(NUM_TARS):
        keys = range(number * PER_SHARD, (number + 1) * PER_SHARD)
        members = [[(f"{key:06d}.png", picture(key, 16)), (f"{key:06d}.txt", b"a picture")] for key in keys]
        write_tar(folder / f"{number:06d}.tar", [member for pair in members for member in pair])
    names = [f"{number:06d}.tar" for number in range(NUM_SHARDS)]
    sizes = {name: (folder / name).stat().st_size for name in names[:NUM_TARS]}
    made = make_index(Folder(str(folder)), sizes, 1)
    for number in range(NUM_TARS, NUM_SHARDS):
        os.link(folder / names[number % NUM_TARS], folder / names[number])
    index = made.take(pa.array(np.arange(NUM_SHARDS) % NUM_TARS)).set_column(0, SHARD_INDEX.field("tar"), [names])
    write_table(Folder(str(folder)), INDEX_NAME, index, SHARD_INDEX)


def first_batch_s(folder: Path, batches: int) -> Taken:
    """Return what a start takes that goes on after so many batches."""
    program = PROGRAM.format(batch=BATCH_SIZE, epochs=EPOCHS)
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(batches)], check=True, capture_output=True, text=True
    )
    wall, cpu = done.stdout.split()
    return Taken(float(wall), float(cpu))


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="webimagetext-bench-") as root:
        write_shards(Path(root))
        batches = {"": 0, **{name: place // BATCH_SIZE for name, place in PLACES.items()}}
        taken: dict[str, list[Taken]] = {name: [] for name in batches}
        for _ in range(ROUNDS):
            for name, number in batches.items():
                taken[name].append(first_batch_s(Path(root), number))
    for of in ("wall", "cpu"):
        least = {name: min(getattr(one, of) for one in found) for name, found in taken.items()}
        wanted = (least[""] + WANTED_S) / least[""]
        unit = "s" if of == "wall" else "s of CPU"
        for name in PLACES:
            line(f"first batch, {name}", least[name], "at the beginning", least[""], unit, wanted)


if __name__ == "__main__":
    main()
