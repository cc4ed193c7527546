"""Columns of JSON values as Arrow arrays: lines of objects in; plain texts with the kinds of their values out.

A name with dots is that of a member of its own, or the way to one inside: ``metadata.caption``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources.tables.json_members import (
    PADDING,
    find_items,
    find_lines,
    find_members,
    write_plain_texts,
)
from pipeline.sources.tables.value_kinds import BOOL, FLOAT, INT, LIST, NOTHING
from schemas.arrow_types import buffer_of
from schemas.buffers import string_buffers

Bytes = npt.NDArray[np.uint8]
Bounds = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class JsonColumn:
    """The values of one name, a row each."""

    texts: pa.Array
    """Plain texts; null where there is no value."""
    kinds: Kinds
    """Bits of `pipeline.sources.tables.value_kinds`."""


@dataclass(frozen=True)
class JsonLines:
    """Whole lines, each a JSON object (or so taken: what is none has no members)."""

    data: Bytes
    objects: Bounds
    longest: int

    def columns(self, names: Sequence[str]) -> dict[str, JsonColumn]:
        """Return the values of each of `names`."""
        bounds, kinds = self._values(names)
        return {name: _column(self.data, bounds[place], kinds[place]) for place, name in enumerate(names)}

    def names_of(self, names: Sequence[str]) -> set[str]:
        """Return those of `names` that a line has, be it null there."""
        bounds, _ = self._values(names)
        return {name for place, name in enumerate(names) if (bounds[place, :, 0] >= 0).any()}

    def _values(self, names: Sequence[str]) -> tuple[Bounds, Kinds]:
        bounds, kinds = self._members(self.objects, names)
        for place, name in enumerate(names):
            if "." in name:
                inside, inside_kinds = self.objects, kinds[place]
                for part in name.split("."):
                    inside, inside_kinds = (found[0] for found in self._members(inside, [part]))
                absent = bounds[place, :, 0] < 0
                bounds[place, absent], kinds[place, absent] = inside[absent], inside_kinds[absent]
        return bounds, kinds

    def _members(self, objects: Bounds, names: Sequence[str]) -> tuple[Bounds, Kinds]:
        """Return bounds of shape ``[names, rows, 2]`` and kinds of shape ``[names, rows]``."""
        bounds = np.empty((len(names), *objects.shape), dtype=np.int64)
        kinds = np.empty(bounds.shape[:2], dtype=np.uint16)
        asked = [name.encode() for name in names]
        ends = np.cumsum([len(name) for name in asked], dtype=np.int64)
        joined = np.frombuffer(b"".join(asked), dtype=np.uint8)
        find_members(self.data, objects, joined, ends, self.longest, bounds, kinds)
        return bounds, kinds


def lines_of(block: bytes) -> JsonLines:
    """Return the lines of `block` that are not blank."""
    data = np.frombuffer(block + bytes(PADDING), dtype=np.uint8)
    objects = np.empty((block.count(b"\n") + 1, 2), dtype=np.int64)
    lines, longest = find_lines(data, len(block), objects)
    return JsonLines(data, objects[:lines], int(longest))


def items_of(column: JsonColumn) -> tuple[npt.NDArray[np.int64], JsonColumn]:
    """Return (the row of each item, the items of the lists in `column`). What is no list is an item itself."""
    lists = column.kinds == LIST
    if not lists.any():
        return np.arange(len(column.kinds)), column
    texts, offsets = string_buffers(column.texts)
    data = np.concatenate([texts[offsets[0] : offsets[-1]], np.zeros(PADDING, dtype=np.uint8)])
    bounds = np.stack([offsets[:-1], offsets[1:]], axis=1) - offsets[0]
    room = int((bounds[lists, 1] - bounds[lists, 0]).sum()) + len(lists)
    parents, found = np.empty(room, dtype=np.int64), np.empty((room, 2), dtype=np.int64)
    kinds = np.empty(room, dtype=np.uint16)
    longest = int((bounds[:, 1] - bounds[:, 0]).max(initial=0))
    count = find_items(data, np.where(lists[:, None], bounds, -1), longest, parents, found, kinds)
    parents, items = parents[:count], _column(data, found[:count], kinds[:count])
    whole = pa.array(~lists[parents])  # of what is no list the text stays
    texts_whole = column.texts.take(pa.array(parents))
    kept = np.where(lists[parents], items.kinds, column.kinds[parents]).astype(np.uint16)
    return parents, JsonColumn(pc.if_else(whole, texts_whole, items.texts), kept)


def comparable(column: JsonColumn, kind: str) -> pa.Array:
    """Return a column as ``--where`` compares it: a truth value is 1 or 0 as a number, a number is one or not."""
    if kind == "number" and (column.kinds == BOOL).any():
        return pc.if_else(pa.array(column.kinds == BOOL), _digit(pc.equal(column.texts, "true")), column.texts)
    numbers = (column.kinds & (INT | FLOAT)) != 0
    if kind == "bool" and numbers.any():
        values = pc.if_else(pa.array(numbers), column.texts, pa.scalar(None, pa.string())).cast(pa.float64())
        return pc.if_else(pa.array(numbers), _digit(pc.not_equal(values, 0.0)), column.texts)
    return column.texts


def _digit(truths: pa.Array) -> pa.Array:
    return pc.if_else(truths, "1", "0")


def _column(data: Bytes, bounds: Bounds, kinds: Kinds) -> JsonColumn:
    out = np.empty(int((bounds[:, 1] - bounds[:, 0]).sum()), dtype=np.uint8)
    ends = np.zeros(len(bounds) + 1, dtype=np.int32)
    size = write_plain_texts(data, bounds, kinds, out, ends)
    valid = np.packbits(kinds != NOTHING, bitorder="little")
    buffers: list[pa.Buffer | None] = [buffer_of(valid), buffer_of(ends), buffer_of(out[:size])]
    return JsonColumn(pa.Array.from_buffers(pa.string(), len(bounds), buffers), kinds)
