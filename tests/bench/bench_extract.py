"""Speed of extraction: image links of a WAT file, beside cc2dataset's parser and beside decompressing alone.

Run by `make bench BENCH=extract`. The WAT file has BENCH_WAT_MB (default 200) decompressed megabytes, made of the real
pages in the shared data. cc2dataset lives in a virtual environment of its own, made here; both parse the same file
in turn, one process each; CPU seconds count, because other work on the machine would slow the one or the other.
BENCH_EXTRACT_DIR names a folder where the file and the environment are kept for the next time.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from pipeline.sources.archive.gzip_members import Batch, read_members
from pipeline.sources.source import InputFile
from pipeline.sources.wat.wat import Wat
from tests.bench.timing import ROUNDS, line
from tests.bench.wat_file import write_wat
from tests.conftest import SHARED_DATA

ARCHIVES = ("resiliparse/warcfile.warc.gz", "commoncrawl-whirlwind/whirlwind.warc.gz")
"""Real pages: the archives of the shared data that are not broken on purpose."""
WAT_MB = int(os.environ.get("BENCH_WAT_MB", "200"))

_PEER = """
import gc, io, sys, time
from loguru import logger
logger.remove()
from cc2dataset.main import extract_documents_from_wat
with open(sys.argv[1], "rb") as raw:
    data = raw.read()
print("ready", flush=True)
for _ in sys.stdin:
    start = time.process_time()
    links = extract_documents_from_wat(io.BytesIO(data), "image")
    print(time.process_time() - start, len(links), flush=True)
    del links
    gc.collect()
"""


def start_peer(folder: Path, wat: Path) -> subprocess.Popen[str]:
    """Return a process that parses `wat` with cc2dataset per line it gets, and answers "CPU seconds, links"."""
    python = folder / "peer" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "peer"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "cc2dataset==1.5.0"], check=True)
    peer = subprocess.Popen(
        [python, "-c", _PEER, str(wat)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert peer.stdout is not None
    if peer.stdout.readline().strip() != "ready":
        raise RuntimeError("cc2dataset did not start; look at its messages above")
    return peer


def extract(wat: Path) -> tuple[int, int]:
    """Return (pairs, pages' records that are broken) of `wat` as our source reads it."""
    source = Wat([InputFile(str(wat), wat.name)], "bench")
    pairs = broken = 0
    for item in source.read(source.splits()[0]):
        if isinstance(item, pa.Table):
            pairs += len(item)
        else:
            broken += type(item).__name__ == "Broken"
    return pairs, broken


def decompress(wat: Path) -> int:
    """Return the size of `wat` decompressed by the fastest way known here (libdeflate), nothing else done."""
    size = 0
    with wat.open("rb") as raw:
        for item in read_members(raw):
            assert isinstance(item, Batch), item
            size += int(item.ends[-1])
    return size


def timed(run: Callable[[Path], object], wat: Path) -> float:
    start = time.process_time()
    run(wat)
    return time.process_time() - start


def bench(folder: Path) -> None:
    wat = folder / f"bench-{WAT_MB}.warc.wat.gz"
    if not wat.exists():
        archives = [SHARED_DATA / "web_archives" / name for name in ARCHIVES]
        write_wat(wat.with_suffix(".tmp"), archives, WAT_MB * 10**6)
        wat.with_suffix(".tmp").rename(wat)
    size = decompress(wat)
    packed = wat.stat().st_size
    print(f"bench extract: {size / 1e6:,.0f} MB of WAT, gzip packs it {size / packed:.1f} times", flush=True)
    pairs, broken = extract(wat)  # compiles
    peer = start_peer(folder, wat)
    assert peer.stdin is not None
    assert peer.stdout is not None
    best = [float("inf")] * 3
    links = 0
    for _ in range(ROUNDS):
        peer.stdin.write("go\n")
        peer.stdin.flush()
        seconds, found = peer.stdout.readline().split()
        links = int(found)
        best = [
            min(a, b) for a, b in zip(best, [timed(extract, wat), float(seconds), timed(decompress, wat)], strict=True)
        ]
    peer.stdin.close()
    peer.wait()
    print(f"bench extract: {pairs:,} pairs, {broken} broken records; cc2dataset {links:,} image links", flush=True)
    ours, theirs, gzip_alone = (size / 1e6 / seconds for seconds in best)
    line("extract-wat", ours, "cc2dataset", theirs, "MB/s/core", 4)
    line("extract-wat-gzip", ours, "gzip alone (libdeflate)", gzip_alone, "MB/s/core", 0.5)


def main() -> None:
    if not (SHARED_DATA / "web_archives").is_dir():
        raise SystemExit(f"no real pages at {SHARED_DATA / 'web_archives'}: nothing to make a WAT file of")
    kept = os.environ.get("BENCH_EXTRACT_DIR")
    folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="bench-extract-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        bench(folder)
    finally:
        if not kept:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
