"""``{key}.json`` of a sample: the same keys in each, none null.

Readers that learn the types from the first samples (``datasets``) have them right for all.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.arrow_types import value_type
from schemas.sample import EXTRA, MISSING, STATUS_SUCCESS, extra_names


@dataclass(frozen=True)
class NotedKeys:
    """Which keys were asked for beside `schemas.sample.SAMPLE_KEYS`."""

    further_hash: str | None = None
    """``md5`` or ``sha512``."""
    exif: bool = False
    """Text of a JSON object, as img2dataset has it; empty where there is none."""


NOTHING_NOTED = NotedKeys()


def sample_json(image: dict[str, Any], result: Any, extra: pa.StructType, noted: NotedKeys = NOTHING_NOTED) -> bytes:
    """Return the JSON of `image` (a row of `ShardImages.table`) whose pixels are `result` (an `ImageResult`).

    Columns carried through (`extra`) have the values of the first caption's pair.
    """
    reference = image["image_ref"] or {}
    fields = {
        "key": image["key"],
        "url": image["url"] or "",
        "caption": image["caption"],
        "captions": image["captions"],
        "pair_ids": [pair_id.hex() for pair_id in image["pair_ids"]],
        "query_ids": image["query_ids"],
        "image_id": image["image_id"].hex(),
        "image_ref": {"root": reference.get("root") or "", "member": reference.get("member") or ""},
        "license": image["license"] or "",
        "status": STATUS_SUCCESS,
        "width": result.width,
        "height": result.height,
        "original_width": result.original_width,
        "original_height": result.original_height,
        "sha256": result.sha256,
    }
    if noted.further_hash is not None:
        fields[noted.further_hash] = result.further_hash
    if noted.exif:
        fields["exif"] = result.exif or ""
    if extra.num_fields:
        carried = image[EXTRA][0] or {}
        names = extra_names(extra, noted.further_hash)
        missing = []
        for field in extra:
            value = json_value(carried.get(field.name), field.type)
            if value is None:
                missing.append(names[field.name])
            fields[names[field.name]] = empty_value(field.type) if value is None else value
        fields[MISSING] = ",".join(missing)
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def json_value(value: Any, kind: pa.DataType) -> Any:
    """Return a value of Arrow type `kind` as JSON has it, always of the same type; None when there is none."""
    if value is None:
        return None
    if pa.types.is_dictionary(kind):
        return json_value(value, kind.value_type)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return value
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return float(value) if math.isfinite(value) else None
    if pa.types.is_struct(kind):
        return {field.name: _or_empty(value.get(field.name), field.type) for field in kind}
    if pa.types.is_map(kind):
        return [[_or_empty(key, kind.key_type), _or_empty(item, kind.item_type)] for key, item in value]
    if isinstance(value, list):
        return [_or_empty(item, value_type(kind)) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def empty_value(kind: pa.DataType) -> Any:
    """Return what stands for no value of Arrow type `kind`."""
    if pa.types.is_dictionary(kind):
        return empty_value(kind.value_type)
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_integer(kind):
        return 0
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return 0.0
    if pa.types.is_struct(kind):
        return {field.name: empty_value(field.type) for field in kind}
    if pa.types.is_map(kind) or hasattr(kind, "value_field"):
        return []
    return ""


def _or_empty(value: Any, kind: pa.DataType) -> Any:
    found = json_value(value, kind)
    return empty_value(kind) if found is None else found
