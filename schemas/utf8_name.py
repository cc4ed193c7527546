"""Names of files as text that any file or table can hold: on Linux they are bytes, and need not be UTF-8."""

import os


def utf8_name(name: str) -> str:
    """Return `name` as the system gives it, the bytes that are no UTF-8 escaped: ``caf\\xe9``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
