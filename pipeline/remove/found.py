"""Which images are removed: folders and lists in; image_ids, by the list that names them, out.

An image is named by its URL, by the host of its URL, or by the SHA-256 that a shard's table notes of its bytes; then it
is removed by its image_id from all folders of a command. Memory: 16 bytes an image; a table or row group at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.remove.named import ImageSet, Mask, Named, image_set
from pipeline.remove.row_groups import candidate_names, row_groups
from schemas.buffers import ID, one_chunk
from schemas.candidate import candidate_schema
from schemas.manifest import read_records
from schemas.recheck import OPTED_OUT
from schemas.removals import opted_out_images
from schemas.sample import SHARD_TABLE
from schemas.shards_folder import plan_tables
from schemas.storage import Folder
from schemas.tables import read_table

LISTED_URL, LISTED_DOMAIN, LISTED_SHA256 = "listed_url", "listed_domain", "listed_sha256"
"""Reasons of tombstones."""


@dataclass(frozen=True)
class FoundImages:
    """The images that the lists name, those of URLs that no folder has among them."""

    by_reason: dict[str, ImageSet]
    every: ImageSet


def find_images(
    named: Named, shards: Sequence[Folder], pairs: Sequence[Folder], opted_out: bool = False
) -> FoundImages:
    """Look through the tables of `shards`, and of `pairs`, which are folders of candidates or selections.

    `opted_out`: those that a recheck noted in the removals of `shards`, too.
    """
    found: dict[str, list[pa.Array]] = {
        LISTED_URL: [named.urls.ids],
        LISTED_DOMAIN: [pa.array([], ID)],
        LISTED_SHA256: [pa.array([], ID)],
        OPTED_OUT: [pa.array([], ID), *(opted_out_images(folder) for folder in shards if opted_out)],
    }
    for table in _rows(shards, pairs):
        for reason, mask in _masks(named, table).items():
            if mask.any():
                found[reason].append(one_chunk(table["image_id"].filter(pa.array(mask))))
    by_reason = {reason: image_set(ids) for reason, ids in found.items()}
    return FoundImages(by_reason, image_set([images.ids for images in by_reason.values()]))


def _masks(named: Named, table: pa.Table) -> dict[str, Mask]:
    masks = {LISTED_URL: named.of_urls(table["url"]), LISTED_DOMAIN: named.of_domains(table["url"])}
    if "sha256" in table.schema.names:
        masks[LISTED_SHA256] = named.of_digests(table["sha256"])
    return masks


def _rows(shards: Sequence[Folder], pairs: Sequence[Folder]) -> Iterator[pa.Table]:
    for folder in shards:
        records = read_records(folder)
        for found in plan_tables(folder):
            if found.name in records:
                yield read_table(folder, found.name, SHARD_TABLE, ["image_id", "url", "sha256"], records[found.name])
    for folder in pairs:
        records = read_records(folder)
        for name in candidate_names(records):
            yield from row_groups(folder, records[name], candidate_schema(), ["image_id", "url"])


def new_tombstones(images: FoundImages, known: pa.Array) -> list[tuple[str, pa.Array]]:
    """Return (reason, image_ids) of those that are not `known`, each once, under the first of its reasons."""
    told, found = image_set([known]), []
    for reason, named in images.by_reason.items():
        fresh = named.ids.filter(pa.array(~told.holds(named.ids)))
        found.append((reason, fresh))
        told = image_set([told.ids, fresh])
    return found
