"""Files that systems and tools put beside the data: none of them is a sample, a caption, a table or a shard.

In: names relative to what is listed. Out: whether a listing passes over them.
"""

import re

_SIDE_PART = re.compile(r"\.(?!\.?$)|__.*__$|__MACOSX$|@eaDir$")
"""Begins with a dot (``._a.jpg`` and ``.DS_Store`` of macOS, ``.ipynb_checkpoints``, ``.part-0.parquet.crc``); stands
between double underscores, which webdataset leaves to its own use; is the folder that macOS puts into a zip, or the one
of Synology's thumbnails."""


def is_side_file(name: str) -> bool:
    """Tell whether a part of the path `name` is a side file's or folder's; ``.`` and ``..`` are none."""
    return any(_SIDE_PART.match(part) for part in name.split("/"))


def is_side_table(name: str) -> bool:
    """Tell the same of a table or archive, for which Hadoop's rule holds too: ``_SUCCESS``, ``_delta_log``.

    Not for images: cameras name them ``_DSC0001.jpg``.
    """
    return is_side_file(name) or any(part.startswith("_") for part in name.split("/"))
