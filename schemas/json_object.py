"""JSON files as they are read: an object knows its file, so that a key that is missing is told with its name.

In: the bytes of a file. Out: `JsonObject`, a dict in every other way.
"""

import json
from typing import Any


class MissingKey(ValueError, LookupError):
    """A key that the file lacks. A LookupError too: templates ask by it whether a key is there."""


class JsonObject(dict[str, Any]):
    """An object of a JSON file. Asked for a key that it lacks, it raises `MissingKey`, which names file and key."""

    where: str = ""

    def __missing__(self, key: str) -> Any:
        found = ", ".join(map(repr, list(self)[:10])) or "none"
        raise MissingKey(f"{self.where}: expected a key {key!r}, found {found}; the file is damaged or of another kind")

    def counts(self, key: str) -> dict[str, int]:
        """Return the object at `key`, all of whose values are whole numbers from 0. Raises ValueError otherwise."""
        value = self[key]
        if not isinstance(value, JsonObject):
            raise ValueError(f"{self.where}: expected {key!r} to be an object of counts, found {value!r}")
        return {name: value.count(name) for name in value}

    def count(self, key: str) -> int:
        """Return the value of `key`, a whole number from 0. Raises ValueError for any other."""
        value = self[key]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
            raise ValueError(f"{self.where}: expected {key!r} to be a whole number from 0, found {value!r}")
        return value


def parse_object(data: bytes, where: str) -> JsonObject:
    """Return the object that is all of `data`. Raises ValueError that names `where` for anything else."""
    try:
        found = json.loads(data, object_hook=JsonObject)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: expected JSON in UTF-8, {error}; the file is damaged or cut off") from None
    if not isinstance(found, JsonObject):
        raise ValueError(f"{where}: expected a JSON object, found {type(found).__name__}")
    _name(found, where)
    return found


def _name(value: Any, where: str) -> None:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, JsonObject):
            value.where = where
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
