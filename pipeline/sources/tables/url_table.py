"""Tables of URLs and captions: Parquet, CSV, TSV and JSON lines, plain or compressed, in parts of about `SPLIT_BYTES`.

Parquet is cut between row groups (one large row group is streamed); plain CSV, TSV and JSON lines are cut where rows
end, which takes reading a file that is larger than a part once while the run is planned; a compressed text file is one
part, streamed (`pipeline.sources.tables.table_plan`). Neither rows nor their numbers depend on the parts.

A row with a list of captions is a pair for each of them.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources.config import SourceOptions
from pipeline.sources.source import (
    BROKEN_DATA,
    Broken,
    ByteRange,
    Dropped,
    InputFile,
    InputSplit,
    Noted,
    Rows,
    first_line,
    raw_schema,
)
from pipeline.sources.tables.csv_rows import read_csv
from pipeline.sources.tables.json_lines import read_json_lines
from pipeline.sources.tables.json_values import JsonColumn, items_of
from pipeline.sources.tables.nested import column_at, column_of
from pipeline.sources.tables.parquet_rows import read_parquet
from pipeline.sources.tables.row_filter import RowFilter, row_filter
from pipeline.sources.tables.table_columns import LANGUAGE_COLUMNS, LICENSE_COLUMNS, PAGE_URL_COLUMNS
from pipeline.sources.tables.table_plan import OPTIONAL, TablePlan, kind_of, plan_again, plan_tables
from pipeline.sources.tables.text_columns import as_text, as_type, as_utf8, flat, percent_decoded
from pipeline.sources.tables.value_kinds import BIG, BOOL, FLOAT, INT, LIST, OBJECT, TEXT, UINT, is_any_list, kinds_of

_NUMBERS = BOOL | INT | UINT | BIG | FLOAT

URL_NOT_TEXT, CAPTION_NOT_TEXT = "url_not_text", "caption_not_text"


class UrlTable:
    """A glob of tables with a URL and a caption, or a list of captions, per row."""

    files_beside: tuple[InputFile, ...] = ()

    def __init__(self, files: Sequence[InputFile], root_name: str, options: SourceOptions) -> None:
        """An empty column name in `options` means: find it."""
        self.root_name = root_name
        self._files = files
        self._options = options

    def splits(self) -> list[InputSplit]:
        """Return the parts. Raises ValueError as `plan_tables`."""
        return self._plan.splits

    @property
    def extra(self) -> pa.StructType:
        return pa.struct([(name, kind or pa.string()) for name, kind in self._plan.extra.items()])

    @property
    def open_columns(self) -> frozenset[str]:
        return frozenset(name for name, kind in self._plan.extra.items() if kind is None)

    @cached_property
    def _plan(self) -> TablePlan:
        return plan_tables(self._files, self._options)

    def __getstate__(self) -> dict[str, Any]:
        """Go to the workers without the list of all files and parts."""
        return {**self.__dict__, "_files": (), "_plan": TablePlan([], self._plan.extra)}

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken | Dropped | Noted]:
        row = split.first_row
        keep = row_filter(self._options.where, self._options.uids, self._options.uid_column)
        kinds: Counter[str] = Counter()
        unfit: Counter[str] = Counter()
        try:
            for item in self._rows(split, keep):
                if isinstance(item, Rows):
                    row = int(item.numbers[-1]) if len(item.numbers) else row
                    for kept in keep.apply(item):
                        if not isinstance(kept, Rows):
                            yield kept
                            continue
                        for caption, rows in _by_caption(split, kept):
                            yield from self._raw(split, caption, rows, kinds, unfit)
                else:
                    row = item.position if isinstance(item, Broken) else row
                    yield item
        except BROKEN_DATA as error:
            yield Broken("file_unreadable", row, f"{type(error).__name__}: {first_line(error)}")
        if kinds or +unfit:
            yield Noted(dict(kinds), dict(+unfit))

    def _rows(self, split: InputSplit, keep: RowFilter) -> Iterator[Rows | Broken | Dropped]:
        kind = kind_of(split.path)
        if kind != ".parquet" and not any(split.columns):
            split = plan_again(split, self._options)
        part = ByteRange(split.begin, split.end, split.first_row, split.file_bytes)
        compared = list(keep.where.kinds) if keep.where is not None else []
        uid = [keep.uid_column] if keep.uids is not None else []
        beside = [split.caption_beside] if split.caption_beside else []
        wanted = [*filter(None, split.columns), *beside, *OPTIONAL, *self._plan.extra, *compared, *uid]
        if kind == ".parquet":
            return read_parquet(split, wanted, keep.where)
        if split.dialect is not None:
            return read_csv(split.path, split.dialect, split.names, wanted, part)
        return read_json_lines(split.path, wanted, part)

    def _raw(
        self, split: InputSplit, caption: str, rows: Rows, kinds: Counter[str], unfit: Counter[str]
    ) -> Iterator[pa.Table | Broken]:
        """Yield the pairs of `rows` with the column `caption`, and what of them is no text.

        Notes the kinds of open columns, and lost values.
        """
        url = split.columns[0]
        rows = yield from _with_texts(rows, url, _NUMBERS | LIST | OBJECT, URL_NOT_TEXT)
        if caption:
            rows = yield from _with_texts(rows, caption, OBJECT, CAPTION_NOT_TEXT)
            parents, texts, broken = _captions(rows, caption)
            yield from broken
        else:
            parents, texts = None, pa.nulls(len(rows.table), pa.string())
        columns: list[pa.Array] = [
            as_text(column_of(rows.table, url)),
            pa.nulls(len(rows.table), raw_schema(None).field("image_ref").type),
            pa.repeat(pa.scalar(caption, pa.string()), len(rows.table)),
            _first_of(rows.table, PAGE_URL_COLUMNS, unfit),
            pa.array(rows.numbers, pa.int64()),
            _first_of(rows.table, LANGUAGE_COLUMNS, unfit),
            _first_of(rows.table, LICENSE_COLUMNS, unfit),
        ]
        if self._plan.extra:
            parts = [self._carried(rows, name, kinds, unfit) for name in self._plan.extra]
            columns.append(pa.StructArray.from_arrays(parts, fields=list(self.extra)))
        if parents is not None:
            columns = [column.take(pa.array(parents)) for column in columns]
        columns.insert(2, percent_decoded(texts) if split.percent_encoded else texts)
        yield pa.Table.from_arrays(columns, schema=raw_schema(self.extra))

    def _carried(self, rows: Rows, name: str, kinds: Counter[str], unfit: Counter[str]) -> pa.Array:
        """Return a column carried through, in plain text if it is open."""
        wanted = self._plan.extra[name]
        found = column_at(rows.table, name)
        if found is None:
            kind: Any = wanted or pa.string()  # the stubs know nulls of each type, but not of any
            return pa.nulls(len(rows.table), kind)
        if wanted is None:
            kinds[name] |= kinds_of(flat(found)) if rows.kinds is None else int(np.bitwise_or.reduce(rows.kinds[name]))
        column = as_type(found, wanted or pa.string())
        unfit[name] += column.null_count - found.null_count
        return column


def _by_caption(split: InputSplit, rows: Rows) -> Iterator[tuple[str, Rows]]:
    """Yield the rows with the column of their captions: those without an item in their list have the one beside."""
    caption = split.columns[1]
    if not split.caption_beside:
        yield caption, rows
        return
    column = flat(column_of(rows.table, caption))
    if rows.kinds is not None:
        is_empty = pc.fill_null(pc.match_substring_regex(column, r"^\[\s*\]$"), True).to_numpy(zero_copy_only=False)
        no_items = is_empty & (rows.kinds[caption] != TEXT)
    else:
        no_items = pc.fill_null(pc.list_value_length(column), 0).to_numpy() == 0
    for name, chosen in ((caption, ~no_items), (split.caption_beside, no_items)):
        if chosen.any():
            yield name, rows.filtered(chosen)


def _with_texts(rows: Rows, name: str, refused: int, reason: str) -> Generator[Broken, None, Rows]:
    """Yield the rows of JSON whose `name` is of a kind in `refused`; return the others."""
    if rows.kinds is None:
        return rows
    bad = (rows.kinds[name] & refused) != 0
    for row in np.flatnonzero(bad):
        yield Broken(reason, int(rows.numbers[row]), f"{name}: {rows.table[name][int(row)].as_py()}")
    return rows.filtered(~bad)


def _captions(rows: Rows, name: str) -> tuple[npt.NDArray[np.int64] | None, pa.Array, list[Broken]]:
    """Return (the row of each caption, None where each row has one; the captions; items of lists that are no texts).

    A list without an item is a missing caption.
    """
    column = flat(column_of(rows.table, name))
    if rows.kinds is not None:
        parents, found = items_of(JsonColumn(column, rows.kinds[name]))
        bad = (found.kinds & (LIST | OBJECT)) != 0
        if len(parents) == len(column) and not bad.any():
            return None, found.texts, []
        values = found.texts.filter(pa.array(bad)).to_pylist()
        broken = [
            Broken(CAPTION_NOT_TEXT, int(rows.numbers[row]), f"{name}: {value}")
            for row, value in zip(parents[bad], values, strict=True)
        ]
        return parents[~bad], found.texts.filter(pa.array(~bad)), broken
    if not is_any_list(column.type):
        return None, as_text(column), []
    sizes = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    parents = np.repeat(np.arange(len(column)), np.maximum(sizes, 1))
    items = np.full(len(parents), -1, dtype=np.int64)
    items[sizes[parents] > 0] = np.arange(sizes.sum())
    texts = as_text(pc.list_flatten(column)).take(pa.array(items, mask=items < 0))
    return parents, texts, []


def _first_of(table: pa.Table, names: tuple[str, ...], unfit: Counter[str]) -> pa.Array:
    """Return, row by row, the first value in the columns `names`, as text."""
    present = []
    for name in names:
        if name in table.schema.names:
            found = as_utf8(table[name])
            unfit[name] += found.null_count - flat(table[name]).null_count
            present.append(found)
    if not present:
        return pa.nulls(len(table), pa.string())
    return present[0] if len(present) == 1 else pc.coalesce(*present)
