"""A run on disk is read back by partition."""

from pathlib import Path

import numpy as np

from querygen.counts.ngrams import NgramCounter
from querygen.counts.runs import (
    NUM_PARTITIONS,
    NUM_RANGES,
    BigramReader,
    SurfaceReader,
    read_surfaces,
    write_run,
)
from schemas.storage import Folder

counter = NgramCounter(1 << 12)


def test_a_run_reads_back_by_partition(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    counter.add(np.frombuffer(" ".join(f"w{i % 500} w{i % 3}" for i in range(5000)).encode(), np.uint8))
    run = counter.finish()
    write_run(folder, "r", run)
    ranges = list(read_surfaces((str(tmp_path), "r")))
    assert len(ranges) == NUM_RANGES
    for name in ("word_hash", "count", "size", "data"):
        assert np.array_equal(np.concatenate([getattr(surfaces, name) for surfaces in ranges]), getattr(run, name))
    for number, surfaces in enumerate(ranges):
        assert (surfaces.word_hash >> np.uint64(58) == number).all()
        for max_bytes in (0, 1 << 30):
            reader = SurfaceReader(number, max_bytes)
            first, again = reader.read((str(tmp_path), "r")), reader.read((str(tmp_path), "r"))
            assert (first is again) == (max_bytes > 0)
            assert np.array_equal(again.word_hash, surfaces.word_hash)
    everything = np.arange(len(run.word_hash), dtype=np.int32)
    pairs = (run.first.astype(np.uint64) << np.uint64(32)) | run.second
    with BigramReader(folder, "r") as reader:
        parts = [reader.read(p, p + 1, everything)[0] for p in range(NUM_PARTITIONS)]
        keys, counts = reader.read(0, NUM_PARTITIONS, everything)
        some = np.where(everything % 2 == 0, everything, -1).astype(np.int32)
        of_even, _ = reader.read(0, NUM_PARTITIONS, some)
    assert np.array_equal(keys, pairs)
    assert np.array_equal(counts, run.counts)
    assert np.array_equal(of_even, pairs[(run.first % 2 == 0) & (run.second % 2 == 0)])
    for partition, part in enumerate(parts):
        assert (run.word_hash[part >> np.uint64(32)] >> np.uint64(56) == partition).all()
    assert sum(map(len, parts)) == len(pairs)
