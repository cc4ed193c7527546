"""Do the units of a long job that a folder does not hold yet: numbered, and committed as `schemas.units` says."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from typing import Any

from schemas.storage import Folder
from schemas.units import Unit, read_unit, whole_units


def unit_name(number: int) -> str:
    """Return the name that the files of a unit begin with."""
    return f"{number:06d}"


def numbered_unit(folder: Folder, number: int) -> Unit:
    """Return a finished unit. Raises FileNotFoundError or ValueError that names its commit."""
    name = f"{unit_name(number)}.json"
    unit = read_unit(folder, name)
    if unit is None:
        raise FileNotFoundError(f"{folder.path(name)}: expected the commit of finished work; count again")
    for file in unit.files:
        if "/" in file.name:
            raise ValueError(f"{unit.body.where}: expected names of files beside it, found {file.name!r}")
    return unit


def do_units(
    folder: Folder,
    do: Callable[..., None],
    arguments: Sequence[tuple[Any, ...]],
    num_bytes: Sequence[int],
    pool: Executor | None,
    progress: Callable[[int], Any],
    check: Callable[[Unit], None] = lambda unit: None,
) -> None:
    """Call ``do(folder.url, number, *arguments[number])`` for each unit that is not whole, in `pool` if given.

    `check` is called for those that are, before anything is done, and may raise. `progress` is told the bytes of units
    as they get done; without a pool `do` is given it as its last argument.
    """
    whole = set()
    for unit in whole_units(folder, "", ".json"):
        check(unit)
        whole.add(unit.name)
    left = [number for number in range(len(arguments)) if f"{unit_name(number)}.json" not in whole]
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
