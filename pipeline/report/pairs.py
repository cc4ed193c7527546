"""What the pairs of a run are: its selections, or its candidates, in; languages, captions, domains, tables out.

The files are read batch by batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.report.stages import Stages
from pipeline.report.tallies import Frequencies, Histogram, hosts_of
from schemas.arrow_types import values_of
from schemas.manifest import read_files
from schemas.storage import Folder
from schemas.tables import naming_parquet

BATCH_ROWS = 8_192
CAPTION_EDGES = (10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000)
"""Characters."""


@dataclass
class PairFigures:
    """Of all pairs of the folders."""

    of: str
    languages: Frequencies = field(default_factory=Frequencies)
    domains: Frequencies = field(default_factory=Frequencies)
    tables: Frequencies = field(default_factory=Frequencies)
    captions: Histogram = field(default_factory=lambda: Histogram(CAPTION_EDGES))
    """By characters."""

    def as_json(self) -> dict[str, Any]:
        """Return the counts, of the most frequent values."""
        return {
            "of": self.of, "languages": self.languages.most(30), "domains": self.domains.most(30),
            "tables": self.tables.most(30), "caption_characters": self.captions.as_json(),
        }  # fmt: skip


def pair_folders(stages: Stages) -> tuple[str, list[Folder]]:
    """Return the folders whose pairs are counted, and what these pairs are called."""
    if stages.selections:
        return "selected pairs", [found.folder for found in stages.selections]
    return "candidates", [stages.candidates.folder] if stages.candidates else []


def count_pairs(stages: Stages) -> PairFigures | None:
    """Return the figures, None where there is a shards folder only."""
    name, folders = pair_folders(stages)
    if not folders:
        return None
    figures = PairFigures(name)
    for batch in batches(folders, ["url", "caption", "language", "source_file"]):
        figures.languages.add(pc.fill_null(batch["language"], "not known"))
        figures.domains.add(hosts_of(batch["url"]))
        figures.tables.add(batch["source_file"])
        figures.captions.add(pc.utf8_length(batch["caption"]).to_numpy(zero_copy_only=False))
    return figures


def batches(folders: Sequence[Folder], columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield `columns` of the pairs of candidates or selection folders. Raises ValueError that names a damaged file."""
    for folder in folders:
        for record in read_files(folder, (".parquet",)):
            if "/" not in record.name and record.rows:
                with folder.open(record.name) as raw, naming_parquet(folder.path(record.name)):
                    yield from pq.ParquetFile(raw).iter_batches(BATCH_ROWS, columns=columns)


def tables_of(stages: Stages, keys: Sequence[str]) -> dict[str, str]:
    """Return the input table or file that each image of `keys` came from, where selections tell: the first by rank."""
    found: dict[str, str] = {}
    wanted = pa.array(list(keys), pa.string())
    for batch in batches([one.folder for one in stages.selections], ["key", "source_file"]) if len(wanted) else ():
        hits = batch.filter(pc.is_in(batch["key"], wanted))
        for key, table in zip(values_of(hits["key"]), values_of(hits["source_file"]), strict=True):
            found.setdefault(key, table)
    return found
