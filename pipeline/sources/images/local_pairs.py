"""Pairs of images that are already there, as tables: the place of an image and its captions in, `raw_schema` out.

What the JSON beside an image says goes along: its URL, language, licence, page, the columns carried through (open ones,
see `pipeline.sources.tables.value_kinds`). A text that is no http(s) URL is no URL: counted, and null. An image of our
own shards keeps its image_id, and so its pair_ids, if what its JSON says of its URL or place gives that very id.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources.images.captions import Caption, member_at
from pipeline.sources.source import KNOWN_IMAGE_ID, Broken, Noted, is_unicode, raw_schema
from pipeline.sources.tables.json_values import JsonColumn, lines_of
from pipeline.sources.tables.table_columns import LANGUAGE_COLUMNS, LICENSE_COLUMNS, PAGE_URL_COLUMNS, URL_COLUMNS
from pipeline.sources.tables.text_columns import as_utf8
from schemas.buffers import ID, ID_BYTES, hex_of_ids
from schemas.identity import image_ids, normalise_urls
from schemas.sample import MISSING
from schemas.tracking import without_tracking
from schemas.url_text import browser_urls

CAPTION_NOT_TEXT = "caption_not_text"
_FIELDS = {"page_url": PAGE_URL_COLUMNS, "language": LANGUAGE_COLUMNS, "license": LICENSE_COLUMNS}

_PLACE_OF_OURS = rf"(?i:\.tar)/(?P<key>[0-9a-f]{{{2 * ID_BYTES}}})\.[^./]+$"
"""Where an image lies in a tar of our own shards."""


class LocalPairs:
    """Gathers pairs; `take` makes a table of those gathered."""

    def __init__(self, extra: pa.StructType) -> None:
        """`extra`: the columns carried through, all open."""
        self._extra = extra
        known = (name for names in (URL_COLUMNS, *_FIELDS.values()) for name in names)
        self._names = list(dict.fromkeys([*(field.name for field in extra), *known]))
        self._kinds: Counter[str] = Counter()
        self._unfit: Counter[str] = Counter()
        self._rows: list[dict[str, Any]] = []
        self._records: list[Mapping[str, Any]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self, row: int, position: int, reference: dict[str, Any], captions: Iterable[Caption], record: Mapping[str, Any]
    ) -> Iterator[Broken]:
        """Gather an image with its `captions` and its JSON `record`; yield the captions that are no texts."""
        for caption in captions:
            if caption.wrong:
                yield Broken(CAPTION_NOT_TEXT, position, caption.wrong)
                continue
            self._rows.append(
                {"image_ref": reference, "caption": caption.text, "text_source": caption.source, "source_row": row}
            )
            self._records.append(record)

    def take(self) -> pa.Table:
        """Return the pairs gathered since the last time."""
        table = pa.Table.from_pylist(self._rows, schema=raw_schema(None))
        columns = self._columns()
        urls, normal = self._urls(columns)
        table = table.set_column(table.schema.get_field_index("url"), "url", urls)
        for field, names in _FIELDS.items():
            found = pc.coalesce(*(_filled(self._fit(name, columns[name])) for name in names))
            table = table.set_column(table.schema.get_field_index(field), field, found)
        if self._extra.num_fields:
            parts = []
            for name in (field.name for field in self._extra):
                parts.append(self._fit(name, columns[name]))
                self._kinds[name] |= int(np.bitwise_or.reduce(columns[name].kinds, initial=0))
            table = table.append_column("extra", pa.StructArray.from_arrays(parts, fields=list(self._extra)))
        table = table.append_column(KNOWN_IMAGE_ID, known_image_ids(self._records, normal))
        self._rows, self._records = [], []
        return table

    def noted(self) -> Iterator[Noted]:
        """Yield what all tables told of the columns carried through."""
        if self._kinds or +self._unfit:
            yield Noted(dict(self._kinds), dict(+self._unfit))

    def _columns(self) -> dict[str, JsonColumn]:
        lines = [json.dumps(_members(record, self._names)) for record in self._records]
        return lines_of("\n".join(lines).encode()).columns(self._names)

    def _urls(self, columns: Mapping[str, JsonColumn]) -> tuple[pa.Array, pa.Array]:
        """Return the URLs of the images, null where there is none, and the same in normal form.

        Our own shards have it under one name: another may be a column carried through.
        """
        texts = [_filled(self._fit(name, columns[name])) for name in URL_COLUMNS]
        ours = pa.array([is_ours(record) for record in self._records], pa.bool_())
        urls = pc.if_else(ours, texts[URL_COLUMNS.index("url")], pc.coalesce(*texts))
        normal, faults = normalise_urls(browser_urls(urls))
        good = pc.if_else(pa.array(faults == 0), urls, pa.scalar(None, pa.string()))
        self._unfit["url"] += good.null_count - urls.null_count
        return good, normal

    def _fit(self, name: str, column: JsonColumn) -> pa.Array:
        found = as_utf8(column.texts)
        self._unfit[name] += found.null_count - column.texts.null_count
        return found


def _members(record: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return those of the members `names` that have a value; our own shards name those that only look so."""
    told = record.get(MISSING) if is_ours(record) else None
    missing = set(told.split(",")) if isinstance(told, str) else set()
    return {name: member_at(record, name) for name in names if name not in missing}


def is_ours(record: Mapping[str, Any]) -> bool:
    """Tell whether JSON is that of a sample of our own shards."""
    return "pair_ids" in record and "image_id" in record


def _filled(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def known_image_ids(records: Sequence[Mapping[str, Any]], normal: pa.Array) -> pa.Array:
    """Return the image_id that the JSON of our own shards states, null where its URL or place gives another.

    `normal` are the normalised URLs. An image without a URL that was given back before lay in a tar of ours: its place
    there ends in its key, the id in hex.
    """
    stated = pa.array([_id_in(record) for record in records], pa.binary())
    if stated.null_count == len(stated):
        return pa.nulls(len(stated), ID)
    places = pa.array([_place_in(record) for record in records], pa.string())
    found = [image_ids(reference).cast(pa.binary()) for reference in (normal, without_tracking(normal), places)]
    is_known = pc.or_(pc.or_(*(pc.equal(stated, ids) for ids in found[:2])), pc.equal(stated, found[2]))
    keys = pc.struct_field(pc.extract_regex(places, pattern=_PLACE_OF_OURS), "key")
    is_named = pc.and_(pc.equal(normal, ""), pc.equal(hex_of_ids(stated.cast(ID)), keys))
    is_known = pc.or_(is_known, pc.fill_null(is_named, False))
    return pc.if_else(is_known, stated, pa.scalar(None, pa.binary())).cast(ID)


def _id_in(record: Mapping[str, Any]) -> bytes | None:
    text = record.get("image_id") if is_ours(record) else None
    try:
        return bytes.fromhex(text) if isinstance(text, str) and len(text) == 2 * ID_BYTES else None
    except ValueError:
        return None


def _place_in(record: Mapping[str, Any]) -> str:
    """Return what is hashed of an image that had no URL (`schemas.identity.local_references`)."""
    place = record.get("image_ref")
    place = place if isinstance(place, dict) else {}
    return f"{_text(place.get('root'))}\0{_text(place.get('member'))}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) and is_unicode(value) else ""
