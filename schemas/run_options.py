"""Which options of a command decide its output: a mark on the fields of its config, for the identity of the run.

    output: NotIdentity[str]
    num_processes: NotIdentity[int] = 0

An option without the mark is part of the identity, so a new one that is forgotten refuses to go on with an old run; it
never lets another result pass for the same. Imports nothing that is slow: configs are made for ``--help``.
"""

import dataclasses
from typing import Annotated, Any, TypeVar, get_type_hints

Value = TypeVar("Value")


class _NotIdentity:
    """The mark itself."""


NotIdentity = Annotated[Value, _NotIdentity]
"""Type of an option that cannot change the output: where things lie, how many work, when to give up. Inputs are in the
identity by their hashes."""


def identity_options(config: Any) -> dict[str, Any]:
    """Return the options of a config dataclass that are part of the run's identity, as JSON values."""
    hints = get_type_hints(type(config), include_extras=True)
    return {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if _NotIdentity not in getattr(hints[name], "__metadata__", ())
    }
