"""Speed and memory of `pipeline download` beside img2dataset: the same URLs and settings, nginx as server.

Run by `make bench BENCH=download`; nginx is Debian's (`apt install nginx-light`). The photographs are enlarged to two
sizes that the web has (500 x 375 and 1600 x 1200, JPEG quality 90) and stored at 256 px. Each is run as a command,
start included, in turn; the lines named "loop" leave the start out: they are of the images of the larger job less those
of the smaller one. The policy is the default one, so the site is asked for its files, too. The last lines show where
the processor's time goes, and the distance to a decoder alone.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.bench.download_costs import costs
from tests.bench.download_job import DownloadJob
from tests.bench.nginx import nginx_serving
from tests.bench.photographs import repeated
from tests.bench.process_tree import Measured
from tests.bench.timing import line

ROUNDS = 3
WAYS = ("fast", "exact", "peer")
WANTED_MEMORY = 0.6


@dataclass(frozen=True)
class Size:
    """Photographs of one size: pixels, files, images of the smaller and the larger job, least ratios to img2dataset."""

    width: int
    height: int
    files: int
    few: int
    many: int
    fast: float
    exact: float

    @property
    def name(self) -> str:
        return f"{self.width}x{self.height}"


SIZES = (
    Size(500, 375, 1_000, 1_000, 5_000, fast=1.8, exact=1.1),
    Size(1600, 1200, 200, 400, 1_600, fast=3.0, exact=1.1),
)


def write_photographs(folder: Path, size: Size) -> None:
    """Write ``N.jpg`` for each N below `size.files`."""
    folder.mkdir()
    for number, (data, _) in enumerate(repeated(size.files)):
        (folder / "source").write_bytes(data)
        with Image.open(folder / "source") as image:
            sides = (size.width, size.height) if image.width >= image.height else (size.height, size.width)
            image.convert("RGB").resize(sides, Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=90)
    (folder / "source").unlink()


def least(runs: list[Measured]) -> Measured:
    return Measured(min(run.seconds for run in runs), min(run.peak_bytes for run in runs))


def run(job: DownloadJob, num: int, way: str) -> Measured:
    """Run one way and return what it took. Every image must come."""
    measured, outcomes = job.peer() if way == "peer" else job.ours(way, "--max-connections-per-host", "128")
    assert outcomes == {"success": num}, outcomes
    return measured


def bench(size: Size, folder: Path, base: str) -> None:
    folder.mkdir()
    jobs = []
    for num in (size.few, size.many):
        captions = [caption for _, caption in repeated(num)]
        pairs = [(f"{base}/{number % size.files}.jpg?{number}", caption) for number, caption in enumerate(captions)]
        jobs.append((DownloadJob(folder / str(num), pairs), num))
    rounds = [[{way: run(job, num, way) for way in WAYS} for job, num in jobs] for _ in range(ROUNDS)]
    started, looped, peaks = {}, {}, {}
    for way in WAYS:
        few, many = (least([found[job][way] for found in rounds]) for job in (0, 1))
        started[way] = size.many / many.seconds
        looped[way] = (size.many - size.few) / (many.seconds - few.seconds)
        peaks[way] = many.peak_bytes / 2**20
    for way, wanted in (("fast", size.fast), ("exact", size.exact)):
        name = f"download-{way}-{size.name}"
        line(name, started[way], "img2dataset", started["peer"], "images/s", wanted)
        line(f"{name}-loop", looped[way], "img2dataset", looped["peer"], "images/s", wanted)
        line(f"{name}-memory", peaks[way], "img2dataset", peaks["peer"], "MiB", WANTED_MEMORY)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-download-") as name:
        root = Path(name)
        for size in SIZES:
            pictures = root / size.name
            write_photographs(pictures, size)
            with nginx_serving(pictures, root / f"nginx-{size.name}") as base:
                bench(size, root / f"jobs-{size.name}", base)
                for decode in ("fast", "exact"):
                    print(f"{decode} {size.name}: {costs(pictures, base, decode, size.few)}", flush=True)


if __name__ == "__main__":
    main()
