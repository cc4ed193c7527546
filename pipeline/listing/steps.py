"""The Beam steps of a listing: splits of the input to parts, parts to partitions of images in order.

::

    InputSplit -> ListSplit: parts/NNNNN.arrow
    Part -> ReadPart (of collect) -> by partition of images -> WriteImages: work files
    their numbers -> PlanShards -> WriteShardPlans (both of balance): NNNNN.parquet
"""

from collections.abc import Iterable, Iterator
from functools import partial

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics

from pipeline.balance.selected import image_starts
from pipeline.balance.settings import WORK
from pipeline.balance.steps.layout import write_partition
from pipeline.collect.deduplicate import COPIES, num_copies, with_copies
from pipeline.collect.extract import extract_split
from pipeline.listing.config import ListingOptions
from pipeline.listing.rows import ReductionByImage, has_caption, in_plan_order, listed_table
from pipeline.runners.failures import names_element
from pipeline.sources.source import InputSplit, Source
from schemas.candidate import candidate_schema
from schemas.storage import Folder
from schemas.units import commit_unit

NAMESPACE = "listing"
"""Of the counters."""

DUPLICATES, BLANKS, WITHOUT_CAPTION = "duplicates", "blank_captions_dropped", "pairs_without_caption"
"""Rows that repeat another; rows without a caption whose image has one; those without that stay."""

IMAGES_OF = f"{WORK}/images-of"
"""Before the number of a partition: what its unit counts."""


class ListSplit(beam.DoFn):
    """InputSplit in; writes and commits the split's part of the list, gives its counts as counters."""

    def __init__(self, source: Source, options: ListingOptions, output_url: str) -> None:
        self._source, self._options, self._output_url = source, options, output_url

    @names_element
    def process(self, element: InputSplit) -> Iterator[str]:
        extract = partial(listed_table, options=self._options)
        for name, value in extract_split(element, self._source, extract, Folder(self._output_url)).items():
            Metrics.counter(NAMESPACE, name).inc(value)
        yield element.name


class WriteImages(beam.DoFn):
    """(partition, tables of candidates with copies) in; writes the partition in shard order, commits its counts.

    Out: (partition, number of images).
    """

    def __init__(self, output_url: str, extra: pa.StructType) -> None:
        self._output_url, self._extra = output_url, extra

    def process(self, element: tuple[int, Iterable[pa.Table]]) -> Iterator[tuple[int, int]]:
        number, tables = element
        output = Folder(self._output_url)
        empty = with_copies(candidate_schema(self._extra).empty_table())
        reduced, num_rows = ReductionByImage().apply_all(tables, empty)
        assert num_rows == num_copies(reduced)
        ordered = in_plan_order(reduced.drop_columns([COPIES]))
        write_partition(output, number, ordered)
        counts = {
            DUPLICATES: num_rows - len(reduced),
            BLANKS: len(reduced) - len(ordered),
            WITHOUT_CAPTION: len(ordered) - int(pc.sum(has_caption(ordered)).as_py() or 0),
        }
        commit_unit(output, f"{IMAGES_OF}-{number:05d}.json", [], counts)
        yield number, len(image_starts(ordered))
