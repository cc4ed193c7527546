"""Numbers that files hold, checked once before compiled code uses them as indices: there nothing checks them again.

In: columns as they were read, and the name of their file. Out: nothing, or a ValueError that names file, column, and
what was found. Whoever changes a file can change the hash that is noted of it, too: a right hash is no check of these.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_DAMAGED = "the file was changed or damaged, make its folder again"


def check_indices(
    values: pa.Array | pa.ChunkedArray, limit: int, where: str, what: str, advice: str = _DAMAGED
) -> None:
    """Raise ValueError unless all of `values`, a column of integers, are from 0 to ``limit - 1``."""
    if values.null_count:
        raise ValueError(f"{where}: {what} must be numbers, found {values.null_count} nulls; {advice}")
    bounds = pc.min_max(values).as_py()
    for found in (bounds["min"], bounds["max"]):
        if found is not None and not 0 <= found < limit:
            raise ValueError(f"{where}: {what} must be from 0 to {limit - 1}, found {found}; {advice}")


def check_numbering(values: pa.Array | pa.ChunkedArray, where: str, what: str) -> None:
    """Raise ValueError unless `values` are 0 .. n-1, each once, in any order."""
    rule = f"{what} must be 0 .. {len(values) - 1}, each once"
    if values.null_count:
        raise ValueError(f"{where}: {rule}, found {values.null_count} nulls; {_DAMAGED}")
    if not len(values):
        return
    numbers: npt.NDArray[Any] = values.to_numpy()
    for found in (numbers.min(), numbers.max()):
        if not 0 <= found < len(numbers):
            raise ValueError(f"{where}: {rule}, found {found}; {_DAMAGED}")
    times = np.bincount(numbers, minlength=len(numbers))
    if times.max() > 1:
        raise ValueError(f"{where}: {rule}, found {times.argmax()} {times.max()} times; {_DAMAGED}")


def check_arrow(batch: pa.RecordBatch | pa.Table, where: str) -> None:
    """Raise ValueError unless offsets, sizes and texts of what an Arrow file holds fit each other.

    Arrow gives them as they stand in the file; of Parquet it makes them itself.
    """
    try:
        batch.validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"{where}: {first_line(error)}; {_DAMAGED}") from None


def check_no_nulls(table: pa.Table, schema: pa.Schema, where: str) -> None:
    """Raise ValueError for a null in a column of `table` that may hold none by `schema`."""
    for field in schema:
        if not field.nullable and table[field.name].null_count:
            found = table[field.name].null_count
            raise ValueError(f"{where}: column {field.name!r} must have no nulls, found {found}; {_DAMAGED}")


def first_line(error: BaseException) -> str:
    """Return the first line of what `error` says: Arrow's errors may go on with a trace of its own."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
