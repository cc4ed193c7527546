"""All that a source gives, gathered: pairs with their carried columns in final types, broken records, counts."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pipeline.collect.extra_columns import KINDS, settled_extra, with_settled
from pipeline.sources.config import SourceOptions
from pipeline.sources.formats import open_source
from pipeline.sources.source import Broken, Dropped, Noted, Source
from schemas.json_object import parse_object
from schemas.units import Unit


@dataclass
class Contents:
    """What was read."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """Pairs, in the order of their rows."""
    broken: list[Broken] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    unfit: Counter[str] = field(default_factory=Counter)
    extra: pa.StructType | None = None
    """The final type of the carried columns."""

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        return [(row["url"], row["caption"]) for row in self.rows]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """(position, reason) of the broken records, sorted."""
        return sorted((item.position, item.reason) for item in self.broken)


def opened(path: str, input_format: str, **options: object) -> tuple[Source, str]:
    """Return the source of an input, and its root."""
    found = open_source(SourceOptions(input=path, input_format=input_format, **options))  # type: ignore[arg-type]
    return found.source, found.root


def read(source: Source) -> tuple[list[dict[str, Any]], list[Broken]]:
    """Read all splits of `source`; return its pairs and its broken records."""
    found = read_source(source)
    return found.rows, found.broken


def read_source(source: Source) -> Contents:
    """Read all splits of `source`."""
    found = Contents()
    tables: list[pa.Table] = []
    kinds: Counter[str] = Counter()
    for split in source.splits():
        for item in source.read(split):
            if isinstance(item, Broken):
                found.broken.append(item)
            elif isinstance(item, Dropped):
                found.dropped[item.reason] += item.count
            elif isinstance(item, Noted):
                found.unfit.update(item.unfit)
                for name, seen in item.kinds.items():
                    kinds[name] |= seen
            elif isinstance(item, pa.Table):
                tables.append(item)
    noted = parse_object(json.dumps({KINDS: dict.fromkeys(source.open_columns, 0) | dict(kinds)}).encode(), "part")
    found.extra = settled_extra(source, [Unit("part", [], noted)])
    found.rows = [row for table in tables for row in with_settled(table, found.extra).to_pylist()]
    found.rows.sort(key=lambda row: row["source_row"])
    return found
