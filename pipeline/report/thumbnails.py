"""Small pictures for the page: rows of shards' tables in, ``data:`` addresses of JPEGs out.

Each is decoded and encoded anew, so that no byte of a stranger gets into the page as it is.
"""

import base64
import io
import warnings
from collections.abc import Mapping
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from PIL import Image, ImageFile

from schemas.shards_folder import TABLE_SUFFIX, TAR_SUFFIX
from schemas.storage import Folder

LONGER_SIDE_PX = 128
QUALITY = 72
MAX_PIXELS = 64_000_000
MAX_FILE_BYTES = 64 << 20
MAX_TOTAL_BYTES = 6_000_000
"""Of all thumbnails, as text of the page."""
SUFFIXES = (".jpg", ".png", ".webp")
"""As shards hold images."""


class Thumbnails:
    """Makes each picture once; after `MAX_TOTAL_BYTES` no more."""

    def __init__(self, shards: Folder, output_format: str) -> None:
        self._shards, self._format = shards, output_format
        self._made: dict[str, str | None] = {}
        self.bytes = 0
        self.failed = 0
        """Pictures that could not be read."""
        self.left_out = 0
        """Pictures for which there was no room."""

    def of(self, row: Mapping[str, Any]) -> str | None:
        """Return the picture of a row, which has ``key``, ``table`` and, in tars, ``members``; None for none."""
        key = str(row["key"])
        if key not in self._made:
            self._made[key] = self._make(row)
        return self._made[key]

    def _make(self, row: Mapping[str, Any]) -> str | None:
        if self.bytes >= MAX_TOTAL_BYTES:
            self.left_out += 1
            return None
        try:
            data = self._stored(row)
            made = None if data is None else thumbnail(data)
        except (OSError, SyntaxError, ValueError, ArithmeticError, Image.DecompressionBombError):  # Pillow's, by damage
            made = None
        if made is None:
            self.failed += 1
            return None
        address = "data:image/jpeg;base64," + base64.b64encode(made).decode("ascii")
        self.bytes += len(address)
        return address

    def _stored(self, row: Mapping[str, Any]) -> bytes | None:
        """Return the bytes that the folder holds of a row, None where it does not hold them as it should."""
        stem = str(row["table"]).removesuffix(TABLE_SUFFIX)
        if self._format == "parquet":
            return self._of_table(row)
        if self._format == "files":
            names = (f"{stem}/{row['key']}{suffix}" for suffix in SUFFIXES)
            name = next((name for name in names if self._shards.exists(name)), None)
            return None if name is None else self._read(name, 0, self._shards.size(name))
        members = [member for member in row.get("members") or [] if member["suffix"] in SUFFIXES]
        if not members:
            return None
        return self._read(f"{stem}{TAR_SUFFIX}", members[0]["offset"], members[0]["bytes"])

    def _read(self, name: str, offset: int, size: int) -> bytes | None:
        if not 0 < size <= MAX_FILE_BYTES:
            return None
        with self._shards.open(name) as raw:
            raw.seek(offset)
            return raw.read(size)

    def _of_table(self, row: Mapping[str, Any]) -> bytes | None:
        with self._shards.open(str(row["table"])) as raw:
            names = pq.read_schema(raw).names
        column = next((name for name in names if name.rpartition("image_")[2] in ("jpg", "png", "webp")), None)
        if column is None:
            return None
        source: Any = self._shards.fs
        data: Any = ds.dataset(self._shards.path(str(row["table"])), filesystem=source, format="parquet")
        found = data.to_table(columns=[column], filter=pc.field("key") == row["key"])[column].to_pylist()
        return found[0] if found else None


def thumbnail(data: bytes) -> bytes:
    """Return an image as a JPEG of at most `LONGER_SIDE_PX`. Raises what Pillow does over what it cannot read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels")
            image.draft("RGB", (2 * LONGER_SIDE_PX, 2 * LONGER_SIDE_PX))
            image.load()
            plain = _flat(image)
    plain.thumbnail((LONGER_SIDE_PX, LONGER_SIDE_PX), Image.Resampling.BICUBIC)
    found = io.BytesIO()
    plain.save(found, "JPEG", quality=QUALITY, optimize=False)
    return found.getvalue()


def _flat(image: ImageFile.ImageFile) -> Image.Image:
    """Return the image in RGB, what is transparent on white, without anything that stood beside its pixels."""
    if "A" in image.getbands() or "transparency" in image.info:
        above = image.convert("RGBA")
        flat = Image.new("RGB", above.size, "white")
        flat.paste(above, mask=above.getchannel("A"))
        return flat
    found = Image.new("RGB", image.size)
    found.paste(image.convert("RGB"))
    return found
