"""Why bytes did not become an image: they are none, of a format that is not read, cut, or broken otherwise.

In: bytes that no decoder took. Out: a reason of `schemas.rejection`. By their first bytes, so a cut one is told, too.
"""

import io
import re

from PIL import Image

from pipeline.download.decode.truncation import is_whole
from schemas.image_files import IMAGE_FORMATS

_READ = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "WEBP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    "BMP": re.compile(rb"BM....\0\0\0\0", re.DOTALL),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "PPM": re.compile(rb"P[1-6f]\s+[0-9#]"),
}
"""How files of the formats read begin; AVIF is told by its brands."""

_NOT_READ = re.compile(
    rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"  # JPEG XL, plain and in a container
    rb"|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51|II\xbc\x01"  # JPEG 2000, its code stream, JPEG XR
    rb"|\0\0[\1\2]\0[^\0]\0...\0"  # ICO, CUR
    rb"|8BPS|icns|qoif|DDS |v/1\x01|#\?RADIANCE|FLIF|BPG\xfb|[\x8a\x8b][MJ]NG\r\n",
    re.DOTALL,
)
"""How files of other image formats begin, as far as Pillow does not know them or not when they are cut."""

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1",
                b"miaf", b"vvic", b"evbi", b"j2ki", b"jpeg", b"crx "}  # fmt: skip
"""Of the box ``ftyp``: HEIC and its kin, Canon's CR3."""


def why_unreadable(data: bytes) -> str:
    """Return the reason why there is no image: of the file's own saying, not of its name."""
    kind = _format_read(data)
    if kind is not None:
        return "decode_failed" if is_whole(kind, data) else "image_truncated"
    if _NOT_READ.match(data) or _brands(data) & _HEIF_BRANDS:
        return "format_not_allowed"
    try:
        with Image.open(io.BytesIO(data)) as image:
            return "format_not_allowed" if image.format not in IMAGE_FORMATS else "decode_failed"
    except Exception:  # Pillow's readers raise nearly every type; here only the header is read
        return "not_an_image"


def _format_read(data: bytes) -> str | None:
    if _brands(data) & _AVIF_BRANDS:
        return "AVIF"
    return next((kind for kind, start in _READ.items() if start.match(data)), None)


def _brands(data: bytes) -> set[bytes]:
    """Return the major and compatible brands of an ISO base media file, empty for another."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data), 1024)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
