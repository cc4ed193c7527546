"""The Beam steps that write the selection: partitions of images in order, then a plan per shard.

::

    (partition, selected) -> WriteSelected -> (partition, images) -> PlanShards (sees all) -> WriteShardPlans
"""

from collections.abc import Iterable, Iterator

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics

from pipeline.balance.selected import image_starts, in_shard_order, matches_per_image, shard_rows, slice_images
from pipeline.balance.settings import SELECTED, SHARDS, Settings, ShardRange
from pipeline.balance.spread import joined, spread_of
from pipeline.balance.steps.passes import NAMESPACE
from pipeline.balance.stored import stored_rows
from schemas.arrow_types import arrow_file
from schemas.candidate import selection_schema
from schemas.shards_folder import shard_name
from schemas.storage import Folder
from schemas.tables import write_table
from schemas.units import commit_unit

IMAGES, NUM_SHARDS = "images", "shards"
MATCHES_PER_TEXT, MATCHES_PER_IMAGE = "matches_per_text", "matches_per_image"
"""Spreads in a unit's JSON: how many queries a selected pair matches, and the pairs of an image together."""


class WriteSelected(beam.DoFn):
    """(image partition, tables) in; writes the partition in shard order. Out: (partition, number of images)."""

    def __init__(self, output_url: str) -> None:
        self._output_url = output_url

    def process(self, element: tuple[int, Iterable[pa.Table]]) -> Iterator[tuple[int, int]]:
        number, tables = element
        ordered = in_shard_order(pa.concat_tables(list(tables)).combine_chunks())
        folder = Folder(self._output_url)
        write_partition(folder, number, ordered.append_column("stored", pa.array(stored_rows(folder, ordered))))
        yield number, len(image_starts(ordered))


def _name(partition: int) -> str:
    return f"{SELECTED}-{partition:05d}.arrow"


def write_partition(folder: Folder, number: int, table: pa.Table) -> None:
    """Write the table as an Arrow stream: it is read once, soon, so compressing it as Parquet would only cost time."""
    with folder.writing(_name(number)) as sink:
        with pa.ipc.new_stream(
            arrow_file(sink, mode="w"), table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")
        ) as writer:
            writer.write_table(table)


def _read_partition(folder: Folder, number: int) -> pa.Table:
    return pa.ipc.open_stream(pa.BufferReader(folder.read(_name(number)))).read_all().combine_chunks()


class PlanShards(beam.DoFn):
    """One element, with the images of all partitions as side input, in; `ShardRange` out."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def process(self, element: int, images: Iterable[tuple[int, int]]) -> Iterator[ShardRange]:
        found = dict(images)
        in_order = [found.get(partition, 0) for partition in range(max(found, default=-1) + 1)]
        yield from shard_ranges(in_order, self._settings.samples_per_shard, self._settings.first_shard)


def shard_ranges(images: list[int], samples_per_shard: int, number: int) -> list[ShardRange]:
    """Return which shards start in which partition, from the images per partition; shards are numbered on."""
    ranges = []
    before = 0
    for partition, count_here in enumerate(images):
        first = -(-before // samples_per_shard)
        end = -(-(before + count_here) // samples_per_shard)
        if end > first:
            skip = first * samples_per_shard - before
            ranges.append(
                ShardRange(partition, first, end - first, skip, samples_per_shard, len(images), number + first)
            )
        before += count_here
    return ranges


class WriteShardPlans(beam.DoFn):
    """ShardRange in; writes ``NNNNN.parquet`` of each of its shards, counts and commits them."""

    def __init__(self, output_url: str, extra: pa.StructType) -> None:
        self._output_url, self._extra = output_url, extra

    def process(self, element: ShardRange) -> None:
        output = Folder(self._output_url)
        schema = selection_schema(self._extra)
        table = _read_partition(output, element.partition)
        images = len(image_starts(table))
        following = element.partition + 1
        needed = element.skip_images + element.count * element.samples_per_shard
        while images < needed and following < element.num_partitions:
            if output.exists(_name(following)):
                more = slice_images(_read_partition(output, following), 0, needed - images)
                images += len(image_starts(more))
                table = pa.concat_tables([table, more]).combine_chunks()
            following += 1
        starts = image_starts(table)
        files, per_text, per_image = [], [], []
        for index in range(element.count):
            begin = element.skip_images + index * element.samples_per_shard
            rows = slice_images(table, begin, begin + element.samples_per_shard, starts)
            shard = element.number + index
            plan = shard_rows(rows, shard, schema)
            files.append(write_table(output, f"{shard_name(shard)}.parquet", plan, schema))
            of_pairs = pc.list_value_length(plan["query_ids"]).to_numpy()
            per_text.append(spread_of(of_pairs))
            per_image.append(spread_of(matches_per_image(plan, of_pairs)))
        num_images = min(images, needed) - element.skip_images
        Metrics.counter(NAMESPACE, IMAGES).inc(num_images)
        Metrics.counter(NAMESPACE, NUM_SHARDS).inc(element.count)
        spreads = {MATCHES_PER_TEXT: joined(per_text), MATCHES_PER_IMAGE: joined(per_image)}
        body = {IMAGES: num_images, **{name: spread.as_json() for name, spread in spreads.items()}}
        commit_unit(output, f"{SHARDS}-{element.partition:05d}.json", files, body)
