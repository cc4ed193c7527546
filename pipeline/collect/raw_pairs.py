"""Raw pairs to identified pairs: URLs and captions checked and normalised, ids made. Pure, vectorised."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.collect.html_text import without_references
from pipeline.collect.plain_text import NEEDS_CARE, NOT_UTF8, kinds_of_text
from pipeline.filter.blocked_urls import URL_ID
from pipeline.sources.source import KNOWN_IMAGE_ID
from schemas.arrow_types import struct_array, values_of
from schemas.buffers import one_chunk, string_buffers
from schemas.identity import (
    URL_BAD_CHARACTER,
    URL_FAULTS,
    URL_TOO_LONG,
    image_ids,
    local_references,
    normalise_urls,
    pair_ids,
)
from schemas.text import stored_caption
from schemas.tracking import without_tracking
from schemas.url_text import browser_urls


@dataclass(frozen=True)
class CheckedPairs:
    """The good rows of a raw table, and (row, reason, offending value) of the broken ones."""

    pairs: pa.Table
    """The raw columns with the caption in stored form, then raw_caption, image_id, pair_id, and
    `pipeline.filter.blocked_urls.URL_ID` where it may be another than image_id."""
    broken: list[tuple[int, str, bytes | None]]


def check_pairs(
    raw: pa.Table, max_caption_bytes: int, drop_tracking_parameters: bool = False, unescape_html: bool = False,
    needs_caption: bool = True,
) -> CheckedPairs:  # fmt: skip
    """Check every row of `raw` (schema `pipeline.sources.source.raw_schema`) and give the good ones their ids.

    Where no caption is needed a missing one is "".
    """
    urls, raw_captions = one_chunk(raw["url"]), one_chunk(raw["caption"])
    captions = raw_captions
    if unescape_html:
        urls = without_references(urls, are_urls=True)
        captions = without_references(captions, are_urls=False)
    known = one_chunk(raw[KNOWN_IMAGE_ID]) if KNOWN_IMAGE_ID in raw.schema.names else None
    if known is not None:  # their references were undone when they were collected
        captions = pc.if_else(known.is_valid(), raw_captions, captions)
        urls = pc.if_else(known.is_valid(), one_chunk(raw["url"]), urls)
        raw = raw.drop_columns([KNOWN_IMAGE_ID])
    references = struct_array(one_chunk(raw["image_ref"]))
    reasons = np.full(len(raw), "", dtype=object)
    is_local = references.is_valid().to_numpy(zero_copy_only=False)
    asked = urls
    normalised, faults = normalise_urls(asked)
    if np.isin(faults, (URL_BAD_CHARACTER, URL_TOO_LONG)).any():  # few tables have one: the others are spared a look
        asked = browser_urls(urls)
        normalised, faults = normalise_urls(asked)
    if drop_tracking_parameters:
        normalised = without_tracking(normalised)
    for code in range(1, len(URL_FAULTS)):
        reasons[(faults == code) & ~is_local] = URL_FAULTS[code]
    url_data, url_offsets = string_buffers(urls)
    reasons[(kinds_of_text(url_data, url_offsets) == NOT_UTF8) & ~is_local] = "url_bad_character"
    no_url = (urls.is_null().to_numpy(zero_copy_only=False) | (np.diff(url_offsets) == 0)) & ~is_local
    reasons[no_url] = "url_missing"

    data, offsets = string_buffers(captions)
    kinds = kinds_of_text(data, offsets)
    sizes = np.diff(offsets)
    stored = _stored(captions, kinds, sizes, max_caption_bytes)
    stored_sizes = np.diff(string_buffers(stored)[1])
    good_so_far = reasons == ""
    reasons[good_so_far & (stored_sizes == 0) & needs_caption] = "caption_missing"
    reasons[good_so_far & (kinds == NOT_UTF8)] = "caption_not_utf8"
    reasons[good_so_far & (sizes > max_caption_bytes)] = "caption_too_long"

    addresses = url_data, url_offsets
    if is_local.any():
        addresses = string_buffers(pc.if_else(pa.array(is_local), references.field("member"), urls))
    broken: list[tuple[int, str, bytes | None]] = [
        (int(row), str(reasons[row]), _value(reasons[row], int(row), *addresses, data, offsets))
        for row in np.flatnonzero(reasons != "")
    ]
    if is_local.any():  # the image is here: what is no URL is left out
        asked = pc.if_else(pa.array(is_local & (faults != 0)), pa.scalar(None, pa.string()), asked)
    table = raw.set_column(raw.schema.get_field_index("url"), raw.schema.field("url"), asked)
    table = table.set_column(table.schema.get_field_index("caption"), "caption", stored)
    table = table.append_column("raw_caption", raw_captions)
    if broken:
        keep = pa.array(reasons == "")
        table, normalised, references = table.filter(keep), normalised.filter(keep), references.filter(keep)
        known = None if known is None else known.filter(keep)
    of_url = normalised
    if is_local.any():
        normalised = _with_local(normalised, references)
    image = image_ids(normalised)
    if known is not None:
        image = pc.if_else(known.is_valid(), known, image)
    table = table.append_column("image_id", image)
    table = table.append_column("pair_id", pair_ids(image, table["caption"]))
    if is_local.any() and table["url"].null_count < len(table):
        table = table.append_column(URL_ID, pc.if_else(one_chunk(table["url"]).is_valid(), image_ids(of_url), image))
    return CheckedPairs(table, broken)


def _with_local(normalised: pa.Array, references: pa.StructArray) -> pa.Array:
    """Put ``root NUL member`` where the image is local."""
    roots, members = references.field("root"), references.field("member")
    found = normalised
    for root in pc.unique(roots.drop_null()).to_pylist():
        mask = pc.fill_null(pc.equal(roots, root), False)
        found = pc.if_else(mask, local_references(root, members.fill_null("")), found)
    return found


def _stored(captions: pa.Array, kinds: npt.NDArray[np.uint8], sizes: npt.NDArray[np.int64], limit: int) -> pa.Array:
    """Return captions in stored form: most already are, the others are rewritten one by one."""
    care = (kinds == NEEDS_CARE) & (sizes <= limit)
    wrong = (kinds == NOT_UTF8) | (sizes > limit)
    filled = captions.fill_null("")
    if wrong.any():
        filled = pc.if_else(pa.array(wrong), "", filled)
    if not care.any():
        return filled
    rows = pa.array(np.flatnonzero(care))
    rewritten = pa.array([stored_caption(text) for text in values_of(captions.take(rows))], pa.string())
    return pc.replace_with_mask(filled, pa.array(care), rewritten)


def _value(
    reason: str, row: int, url_data: npt.NDArray[np.uint8], url_offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64],
) -> bytes:  # fmt: skip
    about_url = reason.startswith("url") and reason != "url_missing"
    source, bounds = (url_data, url_offsets) if about_url or reason == "caption_missing" else (data, offsets)
    return source[bounds[row] : min(bounds[row + 1], bounds[row] + 1000)].tobytes()
