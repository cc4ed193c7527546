"""Captions that a refill selected for images stored before, by the image's key, from a file that is mapped.

In: folders with ``further_captions/``. Out: the captions of a key, as `schemas.further_captions` has them. The file is
made once, by the first worker in the run's folder, else in the user's cache; held are 8 bytes a row.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.arrow_types import arrow_file, schema_of
from schemas.buffers import string_buffers
from schemas.cache_home import cache_home
from schemas.kernels.key_hashes import hash_keys
from schemas.sample import FURTHER_CAPTIONS
from schemas.shards_folder import further_captions
from schemas.storage import Folder
from schemas.tables import read_table

_TABLE = schema_of(
    [
        pa.field("hash", pa.int64()),
        pa.field("key", pa.large_string()),
        pa.field("captions", pa.large_list(pa.large_string())),
    ]
)  # 64-bit offsets: the captions of all folders are one column when they are sorted
BATCH_ROWS = 65_536


class FurtherCaptions:
    """The file, mapped; goes to another process by its path."""

    def __init__(self, path: str) -> None:
        self._path = path
        batches = pa.ipc.open_file(pa.memory_map(path))
        self._batches: list[pa.RecordBatch] = [
            batches.get_batch(number) for number in range(batches.num_record_batches)
        ]
        hashes = [batch.column("hash").to_numpy() for batch in self._batches]
        self._hashes: npt.NDArray[np.int64] = np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.int64)

    def __reduce__(self) -> tuple[type["FurtherCaptions"], tuple[str]]:
        return FurtherCaptions, (self._path,)

    def __len__(self) -> int:
        return len(self._hashes)

    def __call__(self, key: str) -> list[str]:
        """Return the captions of `key`, in the order of their plans."""
        wanted = int(hash_keys(*string_buffers(pa.array([key])))[0])
        first, last = np.searchsorted(self._hashes, [wanted, wanted + 1])
        found: list[str] = []
        for row in range(first, last):
            batch, place = self._batches[row // BATCH_ROWS], row % BATCH_ROWS
            if batch.column("key")[place].as_py() == key:
                found += batch.column("captions")[place].as_py()
        return found


def open_further(folders: Sequence[Folder], run: Folder | None) -> FurtherCaptions | None:
    """Return the further captions of all `folders` of a run, None without any; made if they are not there yet."""
    tables = sorted(
        (plan, number, name) for number, folder in enumerate(folders) for plan, name in further_captions(folder)
    )
    if not tables:
        return None
    home = run if run is not None and run.local else Folder(str(cache_home() / "further_captions"))
    listing = [[folders[number].url, name, folders[number].size(name)] for _, number, name in tables]
    name = f"further_captions-{hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]}.arrow"
    if not home.exists(name):
        _write(
            home,
            name,
            [
                read_table(folders[number], table, FURTHER_CAPTIONS, columns=["key", "captions"])
                for _, number, table in tables
            ],
        )
    return FurtherCaptions(home.path(name))


def _write(home: Folder, name: str, tables: list[pa.Table]) -> None:
    """Write the rows of `tables` by their key's hash; those of one key keep their order."""
    hashes = np.concatenate([hash_keys(*string_buffers(table["key"])) for table in tables])
    joined = pa.concat_tables([table.select(["key", "captions"]) for table in tables])
    columns = [pa.array(hashes), *(joined[field.name].cast(field.type) for field in list(_TABLE)[1:])]
    ordered = pa.table(columns, schema=_TABLE).take(pa.array(np.argsort(hashes, kind="stable"))).combine_chunks()
    with home.writing(name) as sink, pa.ipc.new_file(arrow_file(sink, mode="w"), _TABLE) as writer:
        writer.write_table(ordered, max_chunksize=BATCH_ROWS)
