from pathlib import Path

import pytest

from tests.collected import collect_twice, difference

CASES = """
import os, time, locale
from pathlib import Path

import pytest
import pytest

umask = os.umask(0)
os.umask(umask)
CASES = {
    "clock": time.time_ns(),
    "hash seed": hash("a"),
    "time zone": time.strftime("%z"),
    "locale": locale.getpreferredencoding(False),
    "folder": os.getcwd(),
    "home": os.environ.get("HOME"),
    "user mask": umask,
    "beside": (Path(__file__).parents[2] / "data").exists(),
    "number": 7,
}

@pytest.mark.parametrize("value", [pytest.param(1, id=f"{name} {value}") for name, value in CASES.items()])
def test_case(value):
    pass
"""


def test_what_depends_on_time_or_surroundings_is_found(tmp_path: Path) -> None:
    tests = tmp_path / "checkout" / "tests"
    tests.mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tests / "test_cases.py").write_text(CASES)
    (tests.parent / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    first, second = collect_twice(tests.parent)
    lines = difference(first, second)
    for name in ("clock", "hash seed", "time zone", "locale", "folder", "home", "user mask", "beside"):
        assert sum(f"[{name} " in line for line in lines) == 2, name
    assert not any("[number " in line for line in lines)


def test_a_file_that_does_not_import_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_broken.py").write_text("import no_such_module\n")
    with pytest.raises(SystemExit, match=r"no_such_module(.|\n)*cannot be collected"):
        collect_twice(tmp_path)
