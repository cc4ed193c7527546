"""EXIF as img2dataset notes it: a JSON object of what exifread shows for each tag. Bounded, on bytes of strangers."""

import io
import json
import logging

MAX_TAGS, MAX_VALUE_CHARACTERS, MAX_JSON_CHARACTERS = 1000, 1000, 16_384

logging.getLogger("exifread").setLevel(logging.CRITICAL)


def exif_json(data: bytes) -> str | None:
    """Return the EXIF of an image file as JSON text, None when there is none or it cannot be read.

    Tags in the order of the file, in exifread's words; longer values are cut, and the tags behind
    `MAX_JSON_CHARACTERS` left out.
    """
    import exifread

    try:
        tags = exifread.process_file(io.BytesIO(data), details=False)
        shown = {
            str(name): str(value).strip()[:MAX_VALUE_CHARACTERS]
            for name, value in list(tags.items())[:MAX_TAGS]
            if value is not None
        }
    except Exception:  # exifread raises nearly every type on damaged blocks; img2dataset notes none then
        return None
    text = json.dumps(shown)
    while len(text) > MAX_JSON_CHARACTERS:
        keep = len(shown) * MAX_JSON_CHARACTERS // len(text)
        shown = dict(list(shown.items())[: min(keep, len(shown) - 1)])
        text = json.dumps(shown)
    return text if shown else None
