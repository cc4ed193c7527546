"""Look into one Parquet file of a queries folder without reading it whole.

In: a folder and the name of a file with a column ``text``, rows in any order. Out: a row by its text, and ranks.
Row groups whose statistics rule them out are not read, so a file sorted by text answers `find` at once and one
sorted by value answers `rank_by_value` at once; in any other order the answer is the same and takes longer.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.storage import Folder

SURE = 1e-12
"""Two float ratios further apart than this (relative) are in the order of the exact ratios: each is 4 roundings off."""


class CountsFile:
    """One Parquet file, opened; row groups are read as they are asked for."""

    def __init__(self, folder: Folder, name: str) -> None:
        self.where = folder.path(name)
        try:
            # A path lets Arrow read without the interpreter; other filesystems go through fsspec.
            source = self.where if folder.local else folder.open(name)
            self._file = pq.ParquetFile(source, memory_map=folder.local)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.where}: expected a Parquet file, {error}") from error
        self.names: list[str] = self._file.schema_arrow.names
        self._columns = {self._file.metadata.schema.column(i).path: i for i in range(self._file.metadata.num_columns)}

    def find(self, text: str, **equal: int) -> dict[str, Any] | None:
        """Return the row of `text`. `equal` are values its integer columns are known to hold: they save reading."""
        for group in range(self._file.num_row_groups):
            known: dict[str, Any] = {"text": text, **equal}
            if not all(self._may_hold(group, name, value) for name, value in known.items()):
                continue
            if equal:
                keys = self._read(group, list(equal))
                hits = np.ones(len(keys), dtype=bool)
                for name, value in equal.items():
                    hits &= keys[name].to_numpy() == value
                if not hits.any():
                    continue
            row = pc.index(self._read(group, ["text"])["text"], pa.scalar(text, pa.string())).as_py()
            if row >= 0:
                found: dict[str, Any] = self._read(group, self.names).slice(row, 1).to_pylist()[0]
                return found
        return None

    def rank_by_value(self, column: str, value: int, text: str, min_value: int) -> tuple[int, int]:
        """Return (rank from 1, of how many) of a row in the order value descending, then text.

        Only rows of at least `min_value` are in the order.
        """
        before, total = 0, 0
        for group in range(self._file.num_row_groups):
            low, high = self._range(group, column)
            rows = self._file.metadata.row_group(group).num_rows
            if high is not None and high < min_value:
                continue
            if low is not None and low >= min_value and (low > value or high < value):
                before += rows if low > value else 0
                total += rows
                continue
            values = self._read(group, [column])[column].to_numpy()
            total += int((values >= min_value).sum())
            before += int((values > value).sum()) + self._num_texts_before(group, values == value, text)
        return before + 1, total

    def rank_by_ratio(
        self, row: dict[str, Any], min_count: int, min_word_count: int, num_words: int
    ) -> tuple[int, int]:
        """Return (rank from 1, of how many) of a row of `BIGRAM_COUNTS` in the order of `querygen.pmi`.

        That is n_ab / (n_a n_b) descending, exact, then count descending, then text; in the order are the bigrams that
        may become queries: `min_count`, both words of `min_word_count`, PMI above 0.
        """
        before, total = 0, 0
        for group in range(self._file.num_row_groups):
            high = self._range(group, "count")[1]
            if high is not None and high < min_count:
                continue
            table = self._read(group, ["count", "first_count", "second_count"])
            n_ab, n_a, n_b = (table[name].to_numpy() for name in ("count", "first_count", "second_count"))
            rows = np.flatnonzero((n_ab >= min_count) & (np.minimum(n_a, n_b) >= min_word_count))
            n_ab, n_a, n_b = n_ab[rows], n_a[rows], n_b[rows]
            allowed = ratios_above(n_ab, n_a, n_b, (1, num_words, 1))[0]
            total += int(allowed.sum())
            better, equal = ratios_above(n_ab, n_a, n_b, (row["count"], row["first_count"], row["second_count"]))
            better |= equal & (n_ab > row["count"])
            ties = np.zeros(len(table), dtype=bool)
            ties[rows[equal & (n_ab == row["count"])]] = True
            before += int((better & allowed).sum()) + self._num_texts_before(group, ties, row["text"])
        return before + 1, total

    def tables(self, columns: list[str]) -> Iterator[pa.Table]:
        """Yield `columns` of the whole file, a row group at a time."""
        for group in range(self._file.num_row_groups):
            yield self._read(group, columns)

    def _num_texts_before(self, group: int, mask: npt.NDArray[np.bool_], text: str) -> int:
        """Count the rows of `mask` whose text is smaller."""
        if not mask.any():
            return 0
        low, high = self._range(group, "text")
        if low is not None and low >= text:
            return 0
        if high is not None and high < text:
            return int(mask.sum())
        texts = self._read(group, ["text"])["text"].filter(pa.array(mask))
        return int(pc.sum(pc.less(texts, text)).as_py() or 0)

    def _may_hold(self, group: int, column: str, value: Any) -> bool:
        low, high = self._range(group, column)
        return (low is None or low <= value) and (high is None or value <= high)

    def _range(self, group: int, column: str) -> tuple[Any, Any]:
        """Return the statistics (smallest, largest) of a row group; None where the writer left none."""
        statistics = self._file.metadata.row_group(group).column(self._columns[column]).statistics
        if statistics is None or not statistics.has_min_max:
            return None, None
        return statistics.min, statistics.max

    def _read(self, group: int, columns: list[str]) -> pa.Table:
        return self._file.read_row_group(group, columns=columns)


def ratios_above(
    n_ab: npt.NDArray[np.int64], n_a: npt.NDArray[np.int64], n_b: npt.NDArray[np.int64], other: tuple[int, int, int]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return per row whether n_ab / (n_a n_b) is above that of `other` = (n_ab, n_a, n_b), and whether it is equal.

    Exact: floats decide what is far apart, integers the rest.
    """
    quotient = n_ab.astype(np.float64) / n_a / n_b * (float(other[1]) * float(other[2]) / other[0])
    above, equal = quotient > 1 + SURE, np.zeros(len(quotient), dtype=bool)
    near = np.flatnonzero(np.abs(quotient - 1) <= SURE)
    product = other[1] * other[2]
    for i in near.tolist():
        left, right = int(n_ab[i]) * product, other[0] * int(n_a[i]) * int(n_b[i])
        above[i], equal[i] = left > right, left == right
    return above, equal
