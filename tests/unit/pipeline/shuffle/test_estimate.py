"""The memory and disk a shuffle needs: near what its coding gives."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.shuffle.elements import bounded
from pipeline.shuffle.estimate import estimate_shuffle
from pipeline.shuffle.exchange import encode
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table


def make_files(folder: Folder, num_files: int, rows: int) -> tuple[list[FileRecord], list[pa.Table]]:
    choose = np.random.default_rng(5)
    files, tables = [], []
    for number in range(num_files):
        captions = [" ".join(words) for words in choose.choice(["red", "dog", "of", "york", "house"], (rows, 6))]
        ids = [choose.bytes(16) for _ in range(rows)]
        table = pa.table({"pair_id": pa.array(ids, pa.binary(16)), "caption": captions})
        files.append(write_table(folder, f"{number}.parquet", table, table.schema))
        tables.append(table)
    return files, tables


@pytest.mark.parametrize("num_partitions", [1, 16])
@pytest.mark.parametrize("gathered_bytes", [20_000, 1 << 20])
def test_the_estimate_is_near_what_the_exchange_gets(tmp_path: Path, num_partitions: int, gathered_bytes: int) -> None:
    files, tables = make_files(Folder(str(tmp_path)), 6, 3000)
    coded = parked = 0
    for table in tables:
        rows = len(table) * gathered_bytes // table.nbytes + 1
        for begin in range(0, len(table), rows):
            gathered = table.slice(begin, rows)
            partition = np.frombuffer(b"".join(gathered["pair_id"].to_pylist()), np.uint8)[::16] % num_partitions
            for number in range(num_partitions):
                for piece in bounded(gathered.filter(pa.array(partition == number))):
                    coded += len(encode(piece))
                    parked += 1
    found = estimate_shuffle(Folder(str(tmp_path)), files, num_partitions, gathered_bytes)
    assert found.rows == 18_000
    assert coded / 2 < found.shuffled_bytes < coded * 2
    assert parked / 2 < found.tables < parked * 2
    assert found.peak_bytes < 200 << 20  # of a small input not what a large one may take


def test_nothing_to_shuffle_needs_nothing(tmp_path: Path) -> None:
    found = estimate_shuffle(Folder(str(tmp_path)), [], 4, 1 << 20)
    assert found.peak_bytes == found.shuffled_bytes == 0
