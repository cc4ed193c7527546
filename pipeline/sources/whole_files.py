"""What the sources share whose files cannot be cut and carry no columns through: web archives and tars.

In: files. Out: a split for each.
"""

import pyarrow as pa

from pipeline.sources.source import InputSplit


class WholeFiles:
    """Files, one split each."""

    extra = pa.struct([])
    open_columns: frozenset[str] = frozenset()
    files_beside: tuple[tuple[str, str], ...] = ()
    num_passed_over = 0
    has_listing = False

    def __init__(self, files: list[tuple[str, str]], root_name: str) -> None:
        """`files` are (path, name relative to the input's root)."""
        self.root_name = root_name
        self._files = files

    def splits(self) -> list[InputSplit]:
        return [InputSplit(index, path, name) for index, (path, name) in enumerate(self._files)]
