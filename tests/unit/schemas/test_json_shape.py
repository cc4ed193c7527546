"""JSON that a file holds against the shape its reader needs: what passes, and the one line over what does not."""

from typing import Any

import pytest

from schemas.json_object import JsonObject
from schemas.json_shape import check_json

SHAPE = {
    "version": int, "share": int | float | None, "notes": [str], "views?": int, "counts": {str: int},
    "files": [(str, int)], "whole": bool, "inner": {"name": str},
}  # fmt: skip
GOOD: dict[str, Any] = {
    "version": 1, "share": 0.5, "notes": ["a"], "counts": {"x": 1}, "files": [["a", 1]], "whole": True,
    "inner": {"name": "n", "more": 1}, "other": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="as needed"),
        pytest.param({"share": None, "notes": [], "counts": {}, "files": []}, id="empty"),
        pytest.param({"share": 1, "views": 3}, id="whole number for a number"),
    ],
)
def test_what_has_the_shape_passes(change: dict[str, Any]) -> None:
    check_json(GOOD | change, SHAPE, "f.json", "a file of ours")


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        pytest.param([], "the file should be an object, found a list of 0", id="no object"),
        pytest.param(None, "the file should be an object, found None", id="null"),
        pytest.param({k: v for k, v in GOOD.items() if k != "version"}, "version is missing", id="missing"),
        pytest.param(GOOD | {"version": True}, "version should be a whole number, found True", id="bool"),
        pytest.param(GOOD | {"version": 1.5}, "version should be a whole number, found 1.5", id="fraction"),
        pytest.param(GOOD | {"views": "3"}, "views should be a whole number, found '3'", id="optional of another kind"),
        pytest.param(
            GOOD | {"share": "x"}, "share should be a whole number or a number or null, found 'x'", id="union"
        ),
        pytest.param(GOOD | {"notes": ["a", 2]}, "notes[1] should be a text, found 2", id="in a list"),
        pytest.param(
            GOOD | {"counts": {"a": 1, "b": []}}, "counts.b should be a whole number, found a list", id="in it"
        ),
        pytest.param(GOOD | {"files": [["a"]]}, "files[0] should be a list of 2, found a list of 1", id="short row"),
        pytest.param(GOOD | {"files": [["a", "b"]]}, "files[0][1] should be a whole number, found 'b'", id="row"),
        pytest.param(GOOD | {"notes": JsonObject(a=1)}, "notes should be a list, found an object of 1", id="as read"),
        pytest.param(GOOD | {"inner": {}}, "inner.name is missing", id="missing within"),
        pytest.param(GOOD | {"counts": {"\x1b[1m": "\x1b"}}, r"counts.\x1b[1m should be a whole number", id="control"),
    ],
)
def test_what_has_not_is_one_line(value: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=r"f\.json: ") as refused:
        check_json(value, SHAPE, "f.json", "a file of ours")
    assert str(refused.value).startswith(f"f.json: {fault}")
    assert str(refused.value).endswith("; expected a file of ours, unchanged: make it again, or fetch it again")
    assert str(refused.value).isprintable()
