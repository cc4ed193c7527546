"""JPEG XL for Pillow, by the extra ``jxl`` (pillow-jxl-plugin), where --jpeg-xl asks for it."""

import importlib
import importlib.util

FORMAT = "JXL"
"""Pillow's name for it, as the plugin registers it."""

_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
"""The code stream alone, and in a container (ISO/IEC 18181-2)."""


def check_jpeg_xl() -> None:
    """Raise ValueError when the plugin is not installed."""
    if importlib.util.find_spec("pillow_jxl") is None:
        raise ValueError("--jpeg-xl: expected pillow-jxl-plugin, found none; run pip install 'webimagetext[jxl]'")


def read_jpeg_xl() -> None:
    """Teach Pillow the format, in this process."""
    importlib.import_module("pillow_jxl")


def is_jpeg_xl(data: bytes) -> bool:
    """Tell whether bytes begin as a JPEG XL file does."""
    return data.startswith(_STARTS)
