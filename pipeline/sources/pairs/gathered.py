"""The pairs that compiled scanners found, as Arrow tables, and how many images gave none, by reason.

In: a `Sink` filled by a scanner. Out: tables of `raw_schema`, `Dropped` counts.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources.pairs.pair_sink import COUNTS, DROP_REASONS, FULL, PAGES, ROWS, TEXT_SOURCES, Sink, new_sink
from pipeline.sources.pairs.tracking_pixels import is_tracking_pixel
from pipeline.sources.source import Dropped, raw_schema
from schemas.buffers import strings

_SINK_BYTES = 8 << 20
_TABLE_ROWS = 8_192


class Gathered:
    """A sink that is emptied into tables, and grows when one page does not fit."""

    def __init__(self) -> None:
        self.sink = new_sink(_SINK_BYTES)
        self._tracking = 0

    def take(self, is_full: bool, at_end: bool = False) -> Iterator[pa.Table]:
        """Yield what the sink holds when it is enough for a table, or all there will be.

        `is_full` tells that the scanner stopped for want of room: when the sink holds nothing it is made larger.
        """
        rows = int(self.sink.state[ROWS])
        self.sink.state[FULL] = 0
        if rows and (rows >= _TABLE_ROWS or is_full or at_end):
            table = _table(self.sink)
            self.sink.state[:FULL] = 0
            tracking = is_tracking_pixel(table["url"])
            count = int(pc.sum(tracking).as_py() or 0)
            if count:
                self._tracking += count
                table = table.filter(pc.invert(tracking))
            yield table
        elif is_full:  # one page fills it
            grown = new_sink(2 * len(self.sink.urls))
            grown.state[:] = self.sink.state
            self.sink = grown

    def dropped(self) -> Iterator[Dropped]:
        """Yield the counts of the images that gave no pair."""
        counts = dict(zip(DROP_REASONS, self.sink.state[COUNTS:].tolist(), strict=True))
        counts["tracking_pixel"] += self._tracking
        yield from (Dropped(reason, count) for reason, count in counts.items() if count)


def _table(sink: Sink) -> pa.Table:
    rows, pages = int(sink.state[ROWS]), int(sink.state[PAGES])
    row_pages = sink.row_pages[:rows]
    ends = sink.page_ends[: 3 * pages + 1]
    page_texts = strings(sink.page_texts[: ends[-1]].copy(), ends.copy())
    take = pa.array(row_pages)
    per_page = [page_texts.take(pa.array(np.arange(kind, 3 * pages, 3))) for kind in range(3)]
    languages, licenses = (_empty_as_null(texts).take(take) for texts in per_page[1:])
    sources = pa.DictionaryArray.from_arrays(pa.array(sink.sources[:rows].astype(np.int8)), list(TEXT_SOURCES))
    columns = [
        strings(sink.urls[: sink.url_ends[rows]].copy(), sink.url_ends[: rows + 1]),
        pa.nulls(rows, raw_schema(None).field("image_ref").type),
        strings(sink.captions[: sink.caption_ends[rows]].copy(), sink.caption_ends[: rows + 1]),
        sources.dictionary_decode(),
        per_page[0].take(take),
        pa.array(sink.page_positions[row_pages]),
        languages,
        licenses,
    ]
    return pa.Table.from_arrays(columns, schema=raw_schema(None))


def _empty_as_null(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
