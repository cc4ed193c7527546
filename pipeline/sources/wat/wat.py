"""Common Crawl's WAT files: image links of pages, as JSON in WARC metadata records.

In: WAT files. Out: pairs of ``IMG@/src`` links with alt and title, and of ``og:image`` with its description. A WAT
file holds no ``srcset``, ``data-src`` or ``figcaption``: for those read the WARC files.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.archive.record_index import BEGIN, END, JSON_METADATA, KIND, START, URL_BEGIN, URL_END
from pipeline.sources.archive.record_kinds import RecordCounts
from pipeline.sources.archive.records import Records, read_archive
from pipeline.sources.pairs.gathered import Gathered
from pipeline.sources.pairs.page_facts import new_facts
from pipeline.sources.pairs.url_resolution import MAX_BASE_BYTES, empty_base
from pipeline.sources.source import Broken, Dropped, InputSplit, Read, WholeFiles
from pipeline.sources.wat.json_scan import SPARE_QUOTES
from pipeline.sources.wat.scan import MALFORMED, scan_wat
from schemas.kernels.byte_scan import PADDING

_SHOWN_BYTES = 100


class Wat(WholeFiles):
    """WAT files, one split each."""

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken | Dropped | Read]:
        pairs = Gathered()
        counts = RecordCounts()
        base, base_parts = empty_base()
        texts, lengths = new_facts()
        scratch, quotes = np.empty(0, dtype=np.uint8), np.empty(0, dtype=np.int32)
        address = np.zeros(4 * MAX_BASE_BYTES + 64, dtype=np.uint8)
        for item in read_archive(split.path, split.file_bytes):
            if isinstance(item, Broken):
                yield item
                continue
            counts.add_all_but(JSON_METADATA, item.rows)
            wanted = item.rows[:, KIND] == JSON_METADATA
            rows, positions = item.rows[wanted], item.positions[wanted]
            if not len(rows):
                continue
            records = np.ascontiguousarray(rows[:, [BEGIN, END, URL_BEGIN, URL_END]])
            longest = int((records[:, 1] - records[:, 0]).max())
            if longest + PADDING > len(scratch):
                scratch = np.empty(2 * longest + PADDING, dtype=np.uint8)
                quotes = np.empty(2 * longest + SPARE_QUOTES, dtype=np.int32)
            page = (scratch, base, base_parts, texts, lengths)
            status = np.zeros(len(records), dtype=np.uint8)
            number = 0
            while number < len(records):
                number = scan_wat(item.data, records, positions, number, pairs.sink, page, address, quotes, status)
                yield from pairs.take(number < len(records))
            counts.add_read(int(np.count_nonzero(status != MALFORMED)))
            yield from _malformed(item, rows, positions, status)
        yield from pairs.take(False, at_end=True)
        yield from pairs.dropped()
        yield from counts.items()


def _malformed(
    item: Records, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64], status: npt.NDArray[np.uint8]
) -> Iterator[Broken]:
    for number in np.flatnonzero(status == MALFORMED).tolist():
        start = int(rows[number, START])
        yield Broken("record_malformed", int(positions[number]), item.data[start : start + _SHOWN_BYTES].tobytes())
