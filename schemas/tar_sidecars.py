"""What img2dataset and `pipeline download` write beside a tar: is it of this tar?

In: what a tar holds; ``NNNNN_stats.json`` and ``NNNNN.parquet`` beside it. Out: nothing, or a ValueError that names the
file and what differs. Files of the same names by other tools are left alone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.buffers import string_buffers
from schemas.file_part import FilePart
from schemas.kernels.key_hashes import hash_keys
from schemas.kernels.tar_headers import KEY_HASH
from schemas.sample import STATUS_SUCCESS
from schemas.shards_folder import STATS_SUFFIX, TABLE_SUFFIX, TAR_SUFFIX
from schemas.storage import Folder
from schemas.tables import naming_parquet
from schemas.tar_contents import TarContents, key_of

_ADVICE = "the tar or the file was changed, or is another shard's: put together what belongs together"


def check_sidecars(folder: Folder, tar: str, contents: TarContents, part: FilePart) -> None:
    """Check the sidecars of `tar`, whose ``_stats.json`` is there."""
    stem = tar.removesuffix(TAR_SUFFIX)
    stats = f"{stem}{STATS_SUFFIX}"
    successes = folder.read_json(stats).get("successes")
    if not isinstance(successes, int):
        return
    found = len(contents.samples) + contents.left_out.total()
    if successes != found:
        raise ValueError(f"{folder.path(stats)}: {successes} successes, {found} keys in {tar}; {_ADVICE}")
    if folder.exists(f"{stem}{TABLE_SUFFIX}"):
        _check_keys(folder, f"{stem}{TABLE_SUFFIX}", tar, contents, part)


def _check_keys(folder: Folder, name: str, tar: str, contents: TarContents, part: FilePart) -> None:
    where = folder.path(name)
    with naming_parquet(where):
        body = pa.py_buffer(folder.read(name))
        columns = pq.read_schema(pa.BufferReader(body))
        if not all(_is_text(columns, column) for column in ("key", "status")):
            return
        table = pq.read_table(pa.BufferReader(body), columns=["key", "status"], use_threads=False)
    keys = table["key"].filter(pc.equal(table["status"], STATUS_SUCCESS))
    stated = _hashes(keys)
    held: npt.NDArray[np.int64] = contents.samples[:, KEY_HASH]
    strange = np.flatnonzero(~np.isin(held, stated))
    if len(strange):
        key = key_of(part, contents.samples[strange[0]])
        raise ValueError(f"{where}: no success of key {key!r}, a sample of {tar}; {_ADVICE}")
    lacking = np.flatnonzero(~np.isin(stated, held))
    if len(lacking) and not contents.left_out:
        raise ValueError(f"{where}: key {keys[int(lacking[0])].as_py()!r} is no sample of {tar}; {_ADVICE}")


def _is_text(schema: pa.Schema, name: str) -> bool:
    kind: Any = schema.field(name).type if name in schema.names else pa.null()
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _hashes(keys: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    hashes: npt.NDArray[np.int64] = hash_keys(*string_buffers(keys.combine_chunks()))
    return hashes
