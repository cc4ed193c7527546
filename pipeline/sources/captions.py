"""The caption of a local image: from the text beside it, else from the name of its class folder."""

import json

from pipeline.sources.source import MAX_CELL_BYTES

TEXT_SUFFIXES = (".txt", ".json")

CAPTION_KEYS = ("caption", "text", "TEXT", "alt")
"""Members of a ``.json`` beside an image that hold its caption, in order of preference."""


def caption_in(suffix: str, raw: bytes) -> str | None:
    """Return the caption in a ``.txt`` or ``.json`` member, None when it holds none.

    Raises UnicodeError for text that is no Unicode (JSON can escape half of a surrogate pair), and ValueError for
    too long or malformed ones.
    """
    if len(raw) > MAX_CELL_BYTES:
        raise ValueError(f"a caption file has at most {MAX_CELL_BYTES} bytes, found {len(raw)}")
    if suffix == ".txt":
        return raw.decode("utf-8")
    try:
        value = json.loads(raw.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("JSON nested too deep") from error
    if not isinstance(value, dict):
        return None
    for key in CAPTION_KEYS:
        if isinstance(value.get(key), str):
            value[key].encode()
            return str(value[key])
    return None
