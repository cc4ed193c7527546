"""How many workers a run has: a number, or from how many to how many where the cluster grows and shrinks."""

import re
from typing import Annotated

import tyro
from tyro.constructors import PrimitiveConstructorSpec

Workers = int | tuple[int, int]
"""8, or (4, 8): a run that goes on with what there is, from 4 workers on."""

_FORM = re.compile(r"(\d+)(?::(\d+))?")


def parse_workers(text: str) -> Workers:
    """Read ``8`` or ``4:8``. Raises ValueError that says what was expected."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected a number of workers (8), or the least and the most (4:8), found {text!r}")
    return int(match[1]) if match[2] is None else (int(match[1]), int(match[2]))


def format_workers(workers: Workers) -> str:
    """Return what `parse_workers` reads."""
    return str(workers) if isinstance(workers, int) else f"{workers[0]}:{workers[1]}"


def least_workers(workers: Workers) -> int:
    """Return how many a run cannot do without."""
    return workers if isinstance(workers, int) else workers[0]


def most_workers(workers: Workers) -> int:
    """Return how many a run has where nothing is missing."""
    return workers if isinstance(workers, int) else workers[1]


def check_workers(name: str, workers: Workers) -> None:
    """Raise ValueError that names the option for none, and for a least above the most."""
    if least_workers(workers) < 1:
        raise ValueError(f"{name} must be at least 1, found {format_workers(workers)}")
    if least_workers(workers) > most_workers(workers):
        raise ValueError(f"{name} must be the least, then the most, found {format_workers(workers)}")


def _is_workers(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, tuple) and [type(part) for part in value] == [int, int])


WorkersOption = Annotated[
    Workers,
    tyro.conf.arg(metavar="N|MIN:MAX"),
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="N|MIN:MAX",
        instance_from_str=lambda given: parse_workers(given[0]),
        is_instance=_is_workers,
        str_from_instance=lambda workers: [format_workers(workers)],
    ),
]
"""The option's type for the command line."""
