"""No old kernel is served: a change of a callee, of a constant or of a version is another cache."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.kernels.kernel_cache import PACKAGES, ROOT, _imported_with, sources_hash

CALLEE = "from schemas.kernels.compiled import kernel\n\n\n@kernel\ndef one(number):\n    return number + 1\n"
CONSTANT = "ADDED = 10\n"
CALLER = """
from schemas.kernels.compiled import kernel
from querygen.callee import one
from querygen import constants

ADDED = constants.ADDED


@kernel
def use(number):
    return one(number) + ADDED
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the kernels' room, with a package whose caller, callee and constant are in three files."""
    (tmp_path / "schemas").mkdir()
    for name in ("__init__.py", "cache_home.py"):
        shutil.copy(ROOT / "schemas" / name, tmp_path / "schemas" / name)
    shutil.copytree(
        ROOT / "schemas/kernels", tmp_path / "schemas/kernels", ignore=shutil.ignore_patterns("__pycache__")
    )
    package = tmp_path / "querygen"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "callee.py").write_text(CALLEE)
    (package / "constants.py").write_text(CONSTANT)
    (package / "caller.py").write_text(CALLER)
    return tmp_path


def result(tree: Path, **variables: str) -> tuple[int, int]:
    """Call the tree's caller in a process of its own; return its result, and how many kernels came from the cache."""
    script = (
        "from querygen.caller import use\nfrom querygen.callee import one\n"
        "print(use(1), sum(use.stats.cache_hits.values()))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tree, env=environment | {"PYTHONPATH": str(tree)} | variables,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    value, hits = done.stdout.split()
    return int(value), int(hits)


def caches(tree: Path) -> list[str]:
    """The folders of compiled kernels beside the package's sources."""
    return sorted(path.name for path in (tree / "querygen/__pycache__").iterdir() if path.is_dir())


def test_a_changed_callee_is_seen_by_its_cached_caller(tree: Path) -> None:
    assert result(tree) == (12, 0)
    assert result(tree) == (12, 1)
    (tree / "querygen/callee.py").write_text(CALLEE.replace("+ 1", "+ 2"))
    assert result(tree) == (13, 0)
    assert result(tree) == (13, 1)


def test_a_changed_constant_of_another_module_is_seen(tree: Path) -> None:
    assert result(tree) == (12, 0)
    (tree / "querygen/constants.py").write_text("ADDED = 20\n")
    assert result(tree) == (22, 0)


def test_only_what_a_module_uses_makes_it_compile_again(tree: Path) -> None:
    assert result(tree) == (12, 0)
    (tree / "querygen/stranger.py").write_text("ADDED = 30\n")
    (tree / "schemas/kernels/lanes.py").write_text("")
    assert result(tree) == (12, 1)


def test_caches_of_older_sources_are_deleted_those_of_other_versions_stay(tree: Path) -> None:
    result(tree)
    before = caches(tree)
    assert len(before) == 2
    result(tree, NUMBA_OPT="1")
    assert len(caches(tree)) == 4
    (tree / "querygen/callee.py").write_text(CALLEE.replace("+ 1", "+ 2"))
    result(tree)
    after = caches(tree)
    assert len(after) == 4
    assert not set(before) & set(after)


def test_a_tree_that_cannot_be_written_uses_the_users_cache(tree: Path, tmp_path: Path) -> None:
    (tree / "querygen/__pycache__").write_text("a file where the folder would be: not even root can write in it")
    (tree / "schemas/kernels/__pycache__").write_text("")
    home = tmp_path / "home"
    assert result(tree, XDG_CACHE_HOME=str(home)) == (12, 0)
    assert result(tree, XDG_CACHE_HOME=str(home)) == (12, 1)
    assert len(list((home / "webimagetext/kernels").glob("caller.*.*"))) == 1


def test_without_any_folder_kernels_are_compiled_each_time(tree: Path, tmp_path: Path) -> None:
    (tree / "querygen/__pycache__").write_text("")
    (tree / "schemas/kernels/__pycache__").write_text("")
    home = tmp_path / "home"
    home.write_text("")
    assert result(tree, XDG_CACHE_HOME=str(home), HOME=str(home)) == (12, 0)
    assert result(tree, XDG_CACHE_HOME=str(home), HOME=str(home)) == (12, 0)


def test_the_users_folder_is_obeyed(tree: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    assert result(tree, NUMBA_CACHE_DIR=str(asked)) == (12, 0)
    assert result(tree, NUMBA_CACHE_DIR=str(asked)) == (12, 1)
    assert not (tree / "querygen/__pycache__").exists() or caches(tree) == []
    (tree / "querygen/callee.py").write_text(CALLEE.replace("+ 1", "+ 2"))
    assert result(tree, NUMBA_CACHE_DIR=str(asked)) == (13, 0)


SAVING = """
import fcntl
from numba.core.caching import IndexDataCacheFile

held = []

def watched(step):
    def watch(self, *arguments):
        with open(f"{self._cache_path}/saving.lock", "wb") as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held.append(False)
            except BlockingIOError:
                held.append(True)
        return step(self, *arguments)
    return watch

IndexDataCacheFile._save_index = watched(IndexDataCacheFile._save_index)
IndexDataCacheFile._save_data = watched(IndexDataCacheFile._save_data)
from querygen.caller import use
use(1), use(1.5)
print(len(held), all(held))
"""


def test_processes_save_one_at_a_time(tree: Path) -> None:
    """While a kernel's index and data are written, nobody else can lock the folder: two kernels, two types each."""
    done = subprocess.run(
        [sys.executable, "-c", SAVING], cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["8", "True"]


def test_only_one_module_calls_numba() -> None:
    callers = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if re.search(r"\bnjit\b|\bnumba\.(?:jit|vectorize|guvectorize|stencil|cfunc)\b", path.read_text("utf-8"))
    ]
    assert callers == ["schemas/kernels/compiled.py"]


KERNEL_MODULES = [
    path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if "schemas.kernels.compiled import" in path.read_text("utf-8")
]


@pytest.mark.parametrize("path", KERNEL_MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_hash_of_a_module_covers_the_kernels_it_uses(path: Path) -> None:
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    covered = _imported_with(path)
    for value in vars(module).values():
        function = getattr(value, "py_func", None)
        if function is not None:
            assert Path(function.__code__.co_filename) in covered
    assert len(sources_hash(path)) == 64
