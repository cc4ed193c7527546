"""Do the parts of a long job that a folder does not hold yet: a part is committed by its JSON file, written last."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from typing import Any

from schemas.json_object import JsonObject
from schemas.storage import FileRecord, Folder


def part_name(number: int) -> str:
    """Return the name that the files of a part begin with."""
    return f"{number:06d}"


def commit_record(record: FileRecord) -> list[Any]:
    """Return what a commit holds of a file."""
    return [record.name, record.rows, record.bytes, record.sha256]


def commit_records(commit: JsonObject) -> list[FileRecord]:
    """Return the records of the files of a commit. Raises ValueError that names the commit for what is none."""
    kinds = (str, int, int, str)
    for file in commit["files"] if isinstance(commit["files"], list) else [commit["files"]]:
        if not isinstance(file, list) or tuple(map(type, file)) != kinds or min(file[1:3]) < 0 or "/" in file[0]:
            raise ValueError(f"{commit.where}: expected name, rows, bytes and SHA-256 of a file, found {file!r}")
    return [FileRecord(*file) for file in commit["files"]]


def do_parts(
    folder: Folder,
    do: Callable[..., None],
    arguments: Sequence[tuple[Any, ...]],
    num_bytes: Sequence[int],
    pool: Executor | None,
    progress: Callable[[int], Any],
) -> None:
    """Call ``do(folder.url, number, *arguments[number])`` for each part that is not committed, in `pool` if given.

    `progress` is told the bytes of parts as they get done; without a pool `do` is given it as its last argument.
    """
    committed = set(folder.names(suffix=".json"))
    left = [number for number in range(len(arguments)) if f"{part_name(number)}.json" not in committed]
    for number in set(range(len(arguments))) - set(left):
        progress(num_bytes[number])
    if pool is None:
        for number in left:
            do(folder.url, number, *arguments[number], progress)
        return
    jobs = {pool.submit(do, folder.url, number, *arguments[number]): number for number in left}
    for job in as_completed(jobs):
        job.result()
        progress(num_bytes[jobs[job]])
