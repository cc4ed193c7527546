"""``removals.parquet``: samples of a shards folder that are not to be used any more; it lies beside the shards.

In: the folder. Out: which of the samples of a tar, or of a part of one, are removed. Held are 8 bytes a removal.
A tar is never written again for a removal: whoever reads it passes its removed samples over.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import schema_of
from schemas.buffers import ID, hex_of_ids, one_chunk, string_buffers
from schemas.kernels.key_hashes import hash_keys
from schemas.recheck import OPTED_OUT
from schemas.storage import Folder
from schemas.tables import read_table

REMOVALS_NAME = "removals.parquet"

REMOVALS = schema_of(
    [
        pa.field("key", pa.string()),
        pa.field("image_id", ID),
        pa.field("sha256", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("since", pa.date32(), nullable=False),
    ]
)
"""A row a removal, which names samples by at least one of: key, as the tar has it with its folders (``a/7`` of
``./a/7.jpg``); image_id, whose hex digits are the key where `pipeline download` wrote the shards; sha256 of the bytes
that were fetched, in hex, as a sample's ``.json`` notes it. reason is a word, since a day: for people."""

SHA256_DIGITS = 64
_PREFIX_DIGITS = 16

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Removals:
    """The removals of a folder. Hashes are of 63 bits: of 10 million one in a trillion samples is taken for another."""

    keys: Int64s
    """Sorted hashes of keys (`schemas.tar_contents.key_hash`)."""
    digests: npt.NDArray[np.uint64]
    """The sorted first 64 bits of SHA-256s."""

    def __bool__(self) -> bool:
        return bool(len(self.keys) or len(self.digests))

    def of_keys(self, hashes: Int64s) -> npt.NDArray[np.bool_]:
        """Tell of each key's hash whether that key is removed."""
        return _is_in(self.keys, hashes)

    def of_digests(self, digests: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Tell the same of the first 64 bits of SHA-256s."""
        return _is_in(self.digests, digests)


def digest_prefix(sha256: str) -> int:
    """Return what `Removals` holds of a SHA-256 in hex. Raises ValueError when it is none."""
    return int(sha256[:_PREFIX_DIGITS], 16)


def _is_in(held: npt.NDArray[np.generic], wanted: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    if not len(held):
        return np.zeros(len(wanted), dtype=np.bool_)
    found: npt.NDArray[np.bool_] = held[np.minimum(np.searchsorted(held, wanted), len(held) - 1)] == wanted
    return found


def read_removals(folder: Folder) -> Removals | None:
    """Return the removals of a folder, None when it has none.

    Raises ValueError that names the file, and the row, when it is none of `REMOVALS`, or a row names no sample.
    """
    if not folder.exists(REMOVALS_NAME):
        return None
    return hashed_removals(read_table(folder, REMOVALS_NAME, REMOVALS), folder.path(REMOVALS_NAME))


def removed_images(folder: Folder) -> pa.Array:
    """Return the image_ids that a folder's removals name: images that no refill and no download may bring back.

    Raises ValueError as `read_removals` does.
    """
    if not folder.exists(REMOVALS_NAME):
        return pa.array([], ID)
    return one_chunk(read_table(folder, REMOVALS_NAME, REMOVALS)["image_id"].drop_null())


def opted_out_images(folder: Folder) -> pa.Array:
    """Return the image_ids that rechecks (`schemas.recheck`) found opted out, as a folder's removals name them.

    Raises ValueError as `read_removals` does.
    """
    if not folder.exists(REMOVALS_NAME):
        return pa.array([], ID)
    table = read_table(folder, REMOVALS_NAME, REMOVALS)
    return one_chunk(table.filter(pc.equal(table["reason"], OPTED_OUT))["image_id"].drop_null())


def hashed_removals(table: pa.Table, where: str) -> Removals:
    """Return the removals of a table of `REMOVALS`. Raises ValueError as `read_removals` does."""
    columns = {name: one_chunk(table[name]) for name in ("key", "image_id", "sha256")}
    named = [_filled(column) for column in columns.values()]
    nameless = np.flatnonzero(~np.logical_or.reduce(named))
    for row in nameless[:1]:
        raise ValueError(f"{where}: row {row} names no sample: expected a key, an image_id or a sha256")
    keys = [
        hash_keys(*string_buffers(columns["key"].drop_null())),
        hash_keys(*string_buffers(hex_of_ids(one_chunk(columns["image_id"].drop_null())))),
    ]
    return Removals(np.unique(np.concatenate(keys)), np.unique(digests_of(columns["sha256"], where)))


def _filled(column: pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return found


def digests_of(column: pa.Array, where: str) -> npt.NDArray[np.uint64]:
    """Return the first 64 bits of each SHA-256."""
    rows = np.flatnonzero(_filled(column))
    data, offsets = string_buffers(column.drop_null())
    wrong = np.flatnonzero(np.diff(offsets) != SHA256_DIGITS)
    try:
        if len(wrong):
            raise ValueError
        digits = data[offsets[0] : offsets[-1]].reshape(-1, SHA256_DIGITS)[:, :_PREFIX_DIGITS]
        found = bytes.fromhex(digits.tobytes().decode("ascii"))
        if len(found) != digits.size // 2:  # it passes over blanks
            raise ValueError
        return np.frombuffer(found, dtype=">u8").astype(np.uint64)
    except ValueError:
        example = column[int(rows[wrong[0]])].as_py() if len(wrong) else "other characters"
        raise ValueError(f"{where}: expected sha256 as 64 hex digits, found {example!a}") from None
