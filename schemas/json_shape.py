"""Check that JSON read from a file has the keys and kinds of values its reader needs: one clear line instead of a
KeyError somewhere.

A shape is a class or a union of classes (true and false are no numbers; ``object`` is anything), ``[shape]`` (a list of
such values), a tuple of shapes (a list of just these), ``{"key": shape}`` (an object that has at least these keys;
``"key?"`` may be missing) or ``{str: shape}`` (an object of any keys):

    {"version": int, "notes": [str], "views?": int | None, "counts": {str: int}, "files": [(str, int)]}
"""

from types import UnionType
from typing import Any

Shape = type | UnionType | dict[Any, Any] | list[Any] | tuple[Any, ...]

_NAMES = {
    str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null",
    dict: "an object", list: "a list",
}  # fmt: skip
_SHOWN = 60


def check_json(value: Any, shape: Shape, where: str, what: str) -> None:
    """Raise ValueError when `value` has not the `shape`.

    The message is one line with `where` (the file), the place in it, what was expected and found, and `what` (as in
    "a folder that querygen build made").
    """
    fault = _fault(value, shape, "")
    if fault is not None:
        raise ValueError(f"{where}: {fault}; expected {what}, unchanged: make it again, or fetch it again")


def _fault(value: Any, shape: Shape, place: str) -> str | None:
    """Return what is wrong with `value`, which stands at `place`; None when nothing is."""
    if isinstance(shape, dict):
        return _object_fault(value, shape, place)
    if isinstance(shape, list | tuple):
        if not isinstance(value, list):
            return _said(value, place, "a list")
        if isinstance(shape, tuple) and len(value) != len(shape):
            return _said(value, place, f"a list of {len(shape)}")
        shapes = shape if isinstance(shape, tuple) else shape * len(value)
        faults = (_fault(*pair, f"{place}[{number}]") for number, pair in enumerate(zip(value, shapes, strict=True)))
        return next((fault for fault in faults if fault), None)
    kinds = shape.__args__ if isinstance(shape, UnionType) else (shape,)
    if isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds or object in kinds):
        return None
    return _said(value, place, " or ".join(_NAMES[kind] for kind in kinds))


def _object_fault(value: Any, shape: dict[Any, Any], place: str) -> str | None:
    if not isinstance(value, dict):
        return _said(value, place, "an object")
    for key, inner in shape.items():
        if key is str:
            faults = (_fault(found, inner, f"{place}.{name}") for name, found in value.items())
            fault = next((fault for fault in faults if fault), None)
        else:
            name = key.removesuffix("?")
            if name not in value:
                fault = None if key != name else f"{f'{place}.{name}'.lstrip('.')} is missing"
            else:
                fault = _fault(value[name], inner, f"{place}.{name}")
        if fault:
            return fault
    return None


def _said(value: Any, place: str, wanted: str) -> str:
    if isinstance(value, dict | list):
        shown = f"{_NAMES[dict if isinstance(value, dict) else list]} of {len(value)}"
    else:
        shown = ascii(value)[:_SHOWN]
    return f"{ascii(place.lstrip('.'))[1:-1] or 'the file'} should be {wanted}, found {shown}"
