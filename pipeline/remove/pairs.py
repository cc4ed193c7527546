"""A folder of candidates or a selection without the pairs of removed images: staged (`schemas.rewritten`).

    files of pairs          rows of removed images go; of the others a page that a list names is forgotten (null)
    rejections              rows whose value a list names go
    drops                   the sample goes, all of it: it tells no URL by which one could say whose caption a row has
    query counts            of a selection: selected and fetched lose what went; matched, kept and threshold stay as
                            they were when it was balanced

The distributions of a selection's summary, and the counts of collect's, stay as they were when they were made, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.collect.drops import DROPS
from pipeline.download.again.counted_pairs import CountedPairs, counted_before, joined, stage_counts
from pipeline.remove.named import ImageSet, Named
from pipeline.remove.row_groups import candidate_names, row_groups, schema_of_file
from schemas.arrow_types import list_array
from schemas.buffers import one_chunk
from schemas.candidate import QUERY_COUNTS
from schemas.checked import check_indices
from schemas.manifest import read_manifest, read_records
from schemas.rejection import REJECTIONS
from schemas.rewritten import Rewriting
from schemas.staged_manifest import stage_manifest
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table, write_table, write_tables
from schemas.tables_dir import QUERY_COUNTS_NAME, find_table

COLLECT_REJECTIONS, COLLECT_DROPS = "rejections/collect.parquet", "drops/collect.parquet"


@dataclass
class Went:
    """What went of a folder."""

    pairs: int = 0
    images: int = 0
    selected: list[npt.NDArray[np.int32]] = field(default_factory=list)
    """query_ids of the selected pairs that went."""

    def add(self, rows: pa.Table) -> None:
        self.pairs += len(rows)
        self.images += pc.count_distinct(rows["image_id"]).as_py()
        if "kept_by" in rows.schema.names:
            self.selected.append(list_array(one_chunk(rows["query_ids"])).flatten().to_numpy())


@dataclass
class StagedPairs:
    """What is staged of a folder of pairs; nothing is where nothing changes."""

    rewriting: Rewriting | None
    manifest_sha256: str = ""
    pairs: int = 0


def stage_pairs(
    folder: Folder, kind: str, named: Named, removed: ImageSet, lost: Sequence[CountedPairs]
) -> StagedPairs:
    """Stage the ``candidates`` or ``selection`` in `folder`; `lost` is what the shards of the same command lose."""
    rewriting, files, went = Rewriting(folder), read_records(folder), Went()
    changed: list[FileRecord] = []
    for name in candidate_names(files):
        schema = schema_of_file(folder, files[name], kind)
        if _is_touched(folder, files[name], schema, named, removed):
            left = _left(row_groups(folder, files[name], schema), named, removed, went)
            changed.append(write_tables(rewriting.staged, name, left, schema))
    if kind == "candidates":
        changed += _stage_rejections(rewriting, files, named)
    manifest = read_manifest(folder, kind)
    first = manifest["summary"].get("shards", {}).get("first", 0)
    earlier = counted_before(lost, first)
    if not changed and not earlier:
        return StagedPairs(None)
    if kind == "candidates" and COLLECT_DROPS in files and files[COLLECT_DROPS].rows:
        changed.append(write_table(rewriting.staged, COLLECT_DROPS, DROPS.empty_table(), DROPS))
    summary = manifest["summary"] | {"pairs_removed": manifest["summary"].get("pairs_removed", 0) + went.pairs}
    if kind == "selection":
        changed.append(_stage_counts(rewriting, files, went, earlier))
        summary["counts"] = _counts(summary.get("counts", {}), went, earlier)
    rewriting.placed += [(record.name, record.name) for record in changed]
    files |= {record.name: record for record in changed}
    sha256 = stage_manifest(rewriting, kind, files, manifest["rows"] - went.pairs, summary)
    return StagedPairs(rewriting, sha256, went.pairs)


def _is_touched(folder: Folder, record: FileRecord, schema: pa.Schema, named: Named, removed: ImageSet) -> bool:
    groups = row_groups(folder, record, schema, ["image_id", "page_url"])
    return any(removed.holds(rows["image_id"]).any() or named.of_texts(rows["page_url"]).any() for rows in groups)


def _left(groups: Iterator[pa.Table], named: Named, removed: ImageSet, went: Went) -> Iterator[pa.Table]:
    for rows in groups:
        gone = removed.holds(rows["image_id"])
        went.add(rows.filter(pa.array(gone)))
        left = rows.filter(pa.array(~gone))
        pages = one_chunk(left["page_url"])
        forgotten = pc.if_else(pa.array(named.of_texts(pages)), pa.scalar(None, pa.string()), pages)
        yield left.set_column(left.schema.get_field_index("page_url"), left.schema.field("page_url"), forgotten)


def _stage_rejections(rewriting: Rewriting, files: dict[str, FileRecord], named: Named) -> list[FileRecord]:
    record = files.get(COLLECT_REJECTIONS)
    if record is None:
        return []
    table = read_table(rewriting.folder, record.name, REJECTIONS, record=record)
    gone = named.of_texts(table["value"])
    if not gone.any():
        return []
    return [write_table(rewriting.staged, record.name, table.filter(pa.array(~gone)), REJECTIONS)]


def _stage_counts(
    rewriting: Rewriting, files: dict[str, FileRecord], went: Went, earlier: Sequence[CountedPairs]
) -> FileRecord:
    """A refill's counts tell of what earlier rounds selected and fetched, too."""
    name = find_table(rewriting.folder, QUERY_COUNTS_NAME)
    table = read_table(rewriting.folder, name, QUERY_COUNTS, record=files[name])
    fetched = joined(found.query_ids for found in earlier)
    selected = joined([*went.selected, fetched])
    where = rewriting.folder.path(name)
    check_indices(pa.array(selected), len(table), where, "query ids", "are these the counts of this selection?")
    record = stage_counts(rewriting.staged, table, -1, selected=selected, fetched=fetched)
    if record.name != name:
        rewriting.deleted.append(name)
        files.pop(name)
    return record


def _counts(counts: dict[str, float], went: Went, earlier: Sequence[CountedPairs]) -> dict[str, float]:
    """Return the counts of a selection's summary (`pipeline.balance.finish`) without what went."""
    less = {
        "selected_pairs": went.pairs,
        "selected_before": sum(found.pairs for found in earlier),
        "images": went.images,
        "matches_of_selected": sum(map(len, [*went.selected, *(found.query_ids for found in earlier)])),
    }
    return {name: value - less.get(name, 0) for name, value in counts.items()}
