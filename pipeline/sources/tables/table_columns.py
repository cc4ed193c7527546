"""What the columns of the public tables are called, and how the files without a header are laid out.

| table | columns used |
|---|---|
| LAION-400M, -2B, -5B | URL, TEXT, LICENSE, LANGUAGE; also NSFW, similarity, WIDTH, HEIGHT, hash, punsafe, pwatermark |
| COYO-700M | url, text; also clip_similarity_vitb32, watermark_score, aesthetic_score_laion_v2, image_phash, ... |
| DataComp, CommonPool | url, text, uid; also clip_l14_similarity_score, original_width, sha256, ... |
| CC12M | no header: URL, caption |
| CC3M | no header: caption, URL |
| YFCC100M | no header: 25 columns (23 in the first release); downloadurl, title or description, pageurl, licenseurl |
| RedCaps, WIT-like | image_url or url, caption |
| a list of URLs | no header: URL |
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.sources.tables.nested import type_at
from pipeline.sources.tables.value_kinds import is_any_list
from schemas.arrow_types import value_type

LISTED_CAPTIONS = "captions"
URL_COLUMNS = ("url", "URL", "image_url", "Image URL", "IMAGE_URL", "img_url", "photo_image_url", "downloadurl")
CAPTION_COLUMNS = (
    "caption", "CAPTION", "TEXT", "text", "txt", "alt", "ALT", "alt_text", "title_clean", "title",
    LISTED_CAPTIONS,
)  # fmt: skip
PAGE_URL_COLUMNS = ("page_url", "parent_url", "pageurl")
LANGUAGE_COLUMNS = ("language", "LANGUAGE")
LICENSE_COLUMNS = ("license", "LICENSE", "licenseurl")
"""In order of preference."""

YFCC_COLUMNS = (
    "line", "photoid", "hash", "uid", "unickname", "datetaken", "dateuploaded", "capturedevice", "title", "description",
    "usertags", "machinetags", "longitude", "latitude", "accuracy", "pageurl", "downloadurl", "licensename",
    "licenseurl", "serverid", "farmid", "secret", "secretoriginal", "ext", "marker",
)  # fmt: skip
"""As people name them, for the files have no header; the first release has neither line nor hash. A marker of 1 is a
video."""

_YFCC_ENCODED = ("title", "description", "usertags", "machinetags")
"""Written as in a URL: ``My+photo%21``."""


@dataclass(frozen=True)
class Header:
    """The columns of a CSV or TSV."""

    names: tuple[str, ...]
    in_file: bool
    """Whether the first row is the header; else it is data."""


def header_of(first_row: Sequence[str]) -> Header:
    """Tell the columns from the first row. A row with a URL in it is data: then the layout is a known one.

    Columns of an unknown layout are called by their positions: 0, 1, ...
    """
    urls = [place for place, cell in enumerate(first_row) if cell.startswith(("http://", "https://"))]
    width = len(first_row)
    if not urls:
        return Header(tuple(first_row), True)
    if width == 1:
        return Header(("url",), False)
    if width == 2:
        return Header(("url", "caption") if urls[0] == 0 else ("caption", "url"), False)
    without = {25: (), 24: ("line",), 23: ("line", "hash")}.get(width)
    if without is not None:
        names = tuple(name for name in YFCC_COLUMNS if name not in without)
        if {names.index("pageurl"), names.index("downloadurl")} <= set(urls):
            return Header(names, False)
    return Header(tuple(map(str, range(width))), False)


def pair_columns(path: str, schema: pa.Schema, url: str, caption: str, needs_caption: bool = True) -> tuple[str, str]:
    """Return the columns of URL and caption: those asked for, else those of a known name.

    A column ``captions`` of lists comes before one of single captions, mostly the first of each (`caption_beside`).
    Where no caption is needed, none asked for and none of a known name, its column is "".
    Raises ValueError that names the file, its columns and the option, also for a column that holds no texts.
    """
    if not caption and _has_listed(schema):
        caption = LISTED_CAPTIONS
    found = _find(path, schema, url, URL_COLUMNS, "--url-column")
    _check_texts(path, schema, found, "--url-column", "a row has one URL")
    if not (needs_caption or caption or set(CAPTION_COLUMNS) & set(schema.names)):
        return found, ""
    beside = _find(path, schema, caption, CAPTION_COLUMNS, "--caption-column")
    _check_texts(path, schema, beside, "--caption-column", "a caption is a text, or a list of them")
    return found, beside


def caption_beside(schema: pa.Schema, caption: str) -> str:
    """Return the column of single captions beside ``captions``, where those are taken unasked, else ""."""
    known = (name for name in CAPTION_COLUMNS if name != LISTED_CAPTIONS and name in schema.names)
    found = next(known, "") if not caption and _has_listed(schema) else ""
    return found if found and not pa.types.is_nested(schema.field(found).type) else ""


def _has_listed(schema: pa.Schema) -> bool:
    return LISTED_CAPTIONS in schema.names and is_any_list(schema.field(LISTED_CAPTIONS).type)


def is_percent_encoded(columns: tuple[str, str]) -> bool:
    """Tell whether the captions are written as in a URL."""
    return columns[0] == "downloadurl" and columns[1] in _YFCC_ENCODED


def _find(path: str, schema: pa.Schema, wanted: str, known: tuple[str, ...], option: str) -> str:
    if wanted:
        if type_at(schema, wanted) is None:
            raise ValueError(f"{path}: no column {wanted!r} ({option}); found {list(schema.names)}")
        return wanted
    for name in known:
        if name in schema.names:
            return name
    raise ValueError(f"{path}: none of the columns {list(known)}; found {list(schema.names)}; name yours with {option}")


def _check_texts(path: str, schema: pa.Schema, name: str, option: str, expected: str) -> None:
    """Raise ValueError when a column holds no texts, nor (captions) lists of them."""
    kind = type_at(schema, name)
    if kind is not None and is_any_list(kind) and option == "--caption-column":
        kind = value_type(kind)
    if kind is None or not pa.types.is_nested(kind):
        return
    is_struct = pa.types.is_struct(kind) and kind.num_fields
    hint = f"; a member of it is named with a dot: {option} {name}.{kind.field(0).name}" if is_struct else ""
    raise ValueError(
        f"{path}: column {name!r} ({option}) is of type {type_at(schema, name)}, but {expected}{hint}; "
        "make a column of texts"
    )
