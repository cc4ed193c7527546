"""Count page-view files in groups: files in, views by title out; a group that is counted stays on disk.

A group is counted by one process and committed as `schemas.units` says.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc

from querygen.titles.page_views import ViewCounts, count_views_files, merge_views
from querygen.titles.title_table import MAX_SUM
from querygen.workers.numbered_units import do_units, numbered_unit, unit_name
from schemas.arrow_types import arrow_file, schema_of
from schemas.checked import check_indices
from schemas.rejection import REJECTIONS, from_table, rejections
from schemas.storage import FileRecord, Folder
from schemas.tables import read_arrow_file, read_table, write_table
from schemas.units import commit_unit

VIEWS = schema_of([pa.field("title", pa.large_binary()), pa.field("views", pa.int64())])
"""Of a group: views by title."""

MAX_GROUP_FILES = 24
GROUPS_WANTED = 16


def count_views(
    folder: Folder, files: list[tuple[str, str, int]], language: str, pool: Executor | None,
    progress: Callable[[int], Any],
) -> ViewCounts:  # fmt: skip
    """Return the views of `language` in all `files`: (path, name, bytes) each."""
    size = max(1, min(MAX_GROUP_FILES, len(files) // GROUPS_WANTED))
    groups = [files[start : start + size] for start in range(0, len(files), size)]
    num_bytes = [sum(file[2] for file in group) for group in groups]
    do_units(folder, count_group, [(group, language) for group in groups], num_bytes, pool, progress)
    return merge_views(_read_groups(folder, len(groups)))


def count_group(
    folder_url: str, number: int, files: list[tuple[str, str, int]], language: str,
    progress: Callable[[int], Any] = lambda num_bytes: None,
) -> None:  # fmt: skip
    """Count one group of files into `folder_url`."""
    folder = Folder(folder_url)
    name = unit_name(number)
    views = count_views_files([file[0] for file in files], [file[1] for file in files], language, progress)
    table = pa.table({"title": views.titles, "views": views.views})
    with folder.writing(f"{name}.arrow") as sink:
        with ipc.new_file(arrow_file(sink, mode="w"), VIEWS) as writer:
            writer.write_table(table)
    written = [
        FileRecord(f"{name}.arrow", len(table), sink.bytes, sink.sha256),
        write_table(folder, f"{name}.rejections.parquet", rejections("querygen", views.rejections), REJECTIONS),
    ]
    commit_unit(folder, f"{name}.json", written, {"tally": views.tally})


def _read_groups(folder: Folder, num_groups: int) -> Iterator[ViewCounts]:
    for number in range(num_groups):
        unit = numbered_unit(folder, number)
        counted, rejections_file = unit.files
        table = read_arrow_file(folder, counted, VIEWS)
        check_indices(table["views"], MAX_SUM + 1, folder.path(counted.name), "views")
        rejected = read_table(folder, rejections_file.name, REJECTIONS, record=rejections_file)
        yield ViewCounts(
            titles=table["title"].combine_chunks(),
            views=table["views"].combine_chunks(),
            tally=unit.body.counts("tally"),
            rejections=from_table(rejected),
        )
