"""What is no Python but needed at run time is in the wheel: the page, templates, recipes, marks of types."""

from fnmatch import fnmatch
from typing import Any

import pytest

from schemas.kernels.kernel_cache import PACKAGES, ROOT

tomllib: Any = pytest.importorskip("tomllib", reason="Python 3.11 or newer")

LEFT_OUT = (".py", ".pyc", ".md")
"""Code, which goes by itself, and pages for those who read the sources."""
WALK = "trainer/walk/"
"""Such a page with its pictures."""


def is_packaged(path: str, globs: dict[str, list[str]]) -> bool:
    """Return whether a pattern names the file, as setuptools reads them: below a package, a folder at a time."""
    for folder in (above for above in (path[:place] for place in range(len(path))) if path[len(above)] == "/"):
        below = path[len(folder) + 1 :]
        for glob in globs.get(folder.replace("/", "."), []) + globs["*"]:
            if glob.count("/") == below.count("/") and fnmatch(below, glob):
                return True
    return False


def test_each_file_is_packaged() -> None:
    globs = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    files = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and not path.name.endswith(LEFT_OUT) and "__pycache__" not in path.parts
    ]
    assert {
        "trainer/search/page/page.html",
        "querygen/report/page.html",
        "pipeline/report/gallery.js",
        "trainer/py.typed",
    } <= set(files)
    assert [path for path in sorted(files) if not is_packaged(path, globs) and not path.startswith(WALK)] == []
    assert not is_packaged("trainer/search/page/more/page.html", globs)
    assert not is_packaged("trainer/search/page.html", globs)
