"""What the list says of each image beside its address, for the decoder: the hash its bytes must have, boxes to blur.

In: the images of a shard with their carried columns. Out: a short JSON text an image, empty where there is nothing to
say; and back. The values are those of the first caption's row.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.content.options import ContentOptions
from schemas.buffers import one_chunk
from schemas.sample import EXTRA

MAX_BOXES = 1000
MAX_TEXT_BYTES = 1 << 18
"""Of a column's value: a thousand boxes as text are a fourth of it."""
FURTHEST = 10.0
"""A box may reach beyond the image, by rounding, but not without end."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Arguments:
    """What is asked for one image."""

    expected_hash: str | None = None
    """Hex; empty: the list states none, so nothing can match."""
    boxes: tuple[Box, ...] | None = ()
    """x_min, y_min, x_max, y_max, in parts of width and height; None: the value was no list of boxes."""


NOTHING = Arguments()


def image_arguments(table: pa.Table, extra: pa.StructType, options: ContentOptions) -> list[bytes]:
    """Return what `read_arguments` reads, for each row of the images (`ShardImages.table`)."""
    if options.verify_hash is None and options.blurring_bbox_col is None:
        return [b""] * len(table)
    rows = pc.list_element(one_chunk(table[EXTRA]), 0) if len(table) else None
    columns: dict[str, list[Any]] = {}
    for key, name in _columns(options).items():
        if name not in extra.names:
            raise ValueError(f"{_option(key)}: the selection carries no column {name!r}, only {sorted(extra.names)}")
        columns[key] = pc.struct_field(rows, name).to_pylist() if rows is not None else []
    found = []
    for row in range(len(table)):
        fields: dict[str, Any] = {}
        if "hash" in columns:
            fields["hash"] = _hash_text(columns["hash"][row])
        if "boxes" in columns:
            boxes = parse_boxes(columns["boxes"][row])
            if boxes != ():
                fields["boxes"] = boxes
        found.append(json.dumps(fields, separators=(",", ":")).encode() if fields else b"")
    return found


def check_columns(extra: pa.StructType, options: ContentOptions, where: str) -> None:
    """Raise ValueError when the selection at `where` does not carry a column that the options name."""
    for key, name in _columns(options).items():
        if name not in extra.names:
            carried = ", ".join(map(repr, sorted(extra.names))) or "none"
            raise ValueError(
                f"{_option(key)}: expected a column {name!r} among those that {where} carries, found {carried}; name "
                "it in `pipeline collect --extra-columns`"
            )


def _columns(options: ContentOptions) -> dict[str, str]:
    found = {"hash": options.verify_hash and options.verify_hash[0], "boxes": options.blurring_bbox_col}
    return {key: name for key, name in found.items() if name is not None}


def _option(key: str) -> str:
    return {"hash": "--verify-hash", "boxes": "--blurring-bbox-col"}[key]


def _hash_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.strip().lower()[:256] if isinstance(value, str) else ""


def parse_boxes(value: Any) -> tuple[Box, ...] | None:
    """Return the boxes of a column's value, None when it is no list of boxes: then it is not known what to hide."""
    if value is None or value == "" or value == []:
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value) if len(value) <= MAX_TEXT_BYTES else None
        except (ValueError, RecursionError):
            return None
        if value is None:
            return None
    if not isinstance(value, list) or len(value) > MAX_BOXES:
        return None
    boxes = []
    for box in value:
        if not isinstance(box, list) or len(box) != 4 or not all(_is_place(part) for part in box):
            return None
        left, top, right, bottom = map(float, box)
        if right < left or bottom < top:
            return None
        boxes.append((left, top, right, bottom))
    return tuple(boxes)


def _is_place(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= FURTHEST
        and math.isfinite(value)
    )


def read_arguments(text: bytes) -> Arguments:
    """Return what `image_arguments` wrote for an image."""
    if not text:
        return NOTHING
    fields = json.loads(text)
    boxes = fields.get("boxes", ())
    return Arguments(fields.get("hash"), None if boxes is None else tuple(tuple(box) for box in boxes))
