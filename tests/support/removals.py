"""Removals beside shards."""

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.removals import REMOVALS, REMOVALS_NAME
from schemas.storage import Folder
from schemas.tables import write_table

SINCE = datetime.date(2026, 5, 1)


def removals_table(*rows: dict[str, Any]) -> pa.Table:
    empty = dict.fromkeys(REMOVALS.names)
    return pa.Table.from_pylist([{**empty, "reason": "asked for", "since": SINCE, **row} for row in rows], REMOVALS)


def write_removals(folder: Path, *rows: dict[str, Any]) -> None:
    write_table(Folder(str(folder)), REMOVALS_NAME, removals_table(*rows), REMOVALS)
