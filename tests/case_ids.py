"""A pytest plugin: the id of every parametrised case is short printable ASCII, or the test is not collected.

In: the cases as they are collected. Out: pytest's own ids; a collection error that names the test where an id would
come from bytes, or from text that is long or not printable ASCII.

Such an id is its value's content. Content that is packed, encoded or made while tests are collected can differ between
two processes (`gzip.compress` writes the time), and then the workers of pytest-xdist refuse to run.
`tests/collected.py` compares two whole collections and so finds what looks harmless here.
"""

import re
from collections.abc import Generator, Iterable

import pytest

MAX_ID_CHARACTERS = 100
"""A line of the terminal; what describes a case is shorter."""

_UNFIT = "\0"  # stands before an argument's name in place of an id of its value; no printable id holds it
_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\(?!\\)")  # pytest doubles a backslash, and escapes what is not ASCII by one


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Mark a value that makes no id; None leaves the id to pytest: a number, a name, or `argname` and a number."""
    text = val.pattern if isinstance(val, re.Pattern) else val
    if isinstance(text, bytes | bytearray) or (isinstance(text, str) and not _is_fit(text)):
        return _UNFIT + argname
    return None


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, object, object]:
    """Refuse a test one of whose cases has an unfit id."""
    made = yield
    for item in made if isinstance(made, list) else []:
        case = getattr(item, "callspec", None)
        if case is not None and (problem := problem_of(case.id, case.params)):
            raise collector.CollectError(f"{collector.nodeid}::{item.originalname}: {problem}")
    return made


def problem_of(case_id: str, arguments: Iterable[str]) -> str | None:
    """Say what is wrong with the id of a case and what to do, None where nothing is."""
    unfit = [name for name in arguments if _UNFIT + name in case_id]
    if unfit:
        found = f"the value of {' and of '.join(unfit)} makes no id"
    elif not _is_fit(case_id) or _ESCAPE.search(case_id):
        found = f"found {case_id!r}"
    else:
        return None
    return (
        f"expected cases whose ids are at most {MAX_ID_CHARACTERS} printable ASCII characters; {found}. "
        "Name the cases: pytest.param(..., id='short') or parametrize(..., ids=[...])"
    )


def _is_fit(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= MAX_ID_CHARACTERS
