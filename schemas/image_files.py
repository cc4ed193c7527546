"""Which image formats are read, and by which suffixes a file, a tar member or a class folder's picture is one.

The one list of the project: the decoder of ``pipeline download`` and the one of ``trainer`` open `IMAGE_FORMATS`, and
every listing of both takes `IMAGE_SUFFIXES`, so what can be decoded is found, and what is found is decoded.
"""

SUFFIXES_OF_FORMAT = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif", ".avifs"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
}
"""By the format's name in Pillow, in the order in which a sample's image is looked for. JPEG opens MPO too, a JPEG with
further pictures; PNG and AVIF their animations; PPM all of Netpbm's formats but PAM."""

IMAGE_FORMATS = tuple(SUFFIXES_OF_FORMAT)
"""Formats that are read. The bytes decide which one an image is, not its name and not what a server says."""

IMAGE_SUFFIXES = tuple(suffix for suffixes in SUFFIXES_OF_FORMAT.values() for suffix in suffixes)
"""Suffixes, in lower case, of the files that are taken for images."""


def is_image_name(name: str) -> bool:
    """Tell whether a file of this name is taken for an image."""
    return name.lower().endswith(IMAGE_SUFFIXES)
