"""Rows of shards' tables as the page shows them: a caption, a picture, and what the gallery is filtered by."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.report.queries import QueryList
from pipeline.report.tallies import hosts_of
from pipeline.report.thumbnails import LONGER_SIDE_PX, Thumbnails

MOST_CHOICES = 200
"""Of one filter, the most frequent of the gallery."""
FILES = "files on a disk"
"""Where the images without a URL come from."""


class Gallery:
    """The drawn pictures, and the choices of each filter."""

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], tables: Mapping[str, str], queries: QueryList | None,
        pictures: Thumbnails | None,
    ) -> None:  # fmt: skip
        """`tables`: the input file of each key that has one."""
        hosts = hosts_of(pa.array([row["url"] for row in rows], pa.string())).to_pylist()
        domains = [host or FILES for host in hosts]
        sources = [tables.get(str(row["key"]), "") for row in rows]
        matched = [sorted({query for ids in row["query_ids"] for query in ids}) for row in rows]
        texts = {one: queries.text(one) if queries else str(one) for ids in matched for one in ids}
        self.choices = [
            ("query", [(one, texts[one]) for one in _most([one for ids in matched for one in ids])]),
            ("source", [(place, name) for place, name in enumerate(_names(sources)) if name]),
            ("domain", list(enumerate(_names(domains)))),
        ]
        places = [{name: place for place, name in enumerate(_names(values))} for values in (sources, domains)]
        self.shown = [
            {
                **shown_row(row, pictures),
                "queries": ids, "source": places[0][source], "domain": places[1][domain],
            }
            for row, ids, source, domain in zip(rows, matched, sources, domains, strict=True)
        ]  # fmt: skip


def _names(values: Sequence[str]) -> list[str]:
    return sorted(set(values))


def _most(values: Sequence[int]) -> list[int]:
    counts = Counter(values)
    return sorted(counts, key=lambda value: (-counts[value], value))[:MOST_CHOICES]


def shown_row(row: Mapping[str, Any], pictures: Thumbnails | None, query: int | None = None) -> dict[str, Any]:
    """Return caption, picture and its size of a row; of several captions the first that matches `query`."""
    captions = [caption or "" for caption in row["captions"]]
    matching = [text for text, ids in zip(captions, row["query_ids"], strict=True) if query in ids]
    width, height = int(row["width"] or 1), int(row["height"] or 1)
    scale = min(1.0, LONGER_SIDE_PX / max(width, height))
    return {
        "caption": next(iter([*matching, *captions]), ""),
        "picture": None if pictures is None else pictures.of(row),
        "width": max(1, round(width * scale)),
        "height": max(1, round(height * scale)),
    }
