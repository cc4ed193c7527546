"""What may import what, as ARCHITECTURE.md says: parts know no other part, rooms know only those below them."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("querygen", "pipeline", "trainer")
COMMANDS = {"collect", "balance", "download", "explain", "listing", "run", "similarity", "remove", "report"}
BELOW = {
    "sources": {"http_answers"}, "filter": {"match"}, "match": set(), "queries": set(), "http_answers": set(),
    "shuffle": {"runners"}, "runners": set(), "collect": set(), "balance": set(), "download": set(),
    "explain": {"balance"}, "listing": {"collect", "balance", "download"}, "run": {"collect", "balance", "download"},
    "similarity": set(), "remove": {"collect", "download"}, "report": {"download"},
}  # fmt: skip
"""Of each room of pipeline the others that it may import; commands may import all that are none besides."""


@cache
def imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ["schemas", *PARTS])
def test_no_part_imports_another(package: str) -> None:
    others = {part for part in PARTS if part != package}
    found = {(str(path.relative_to(ROOT)), name) for path in files(package) for name in imports(path)}
    assert not [(path, name) for path, name in found if name.split(".")[0] in others]


@pytest.mark.parametrize("room", sorted(BELOW))
def test_a_room_imports_what_is_below_it(room: str) -> None:
    allowed = BELOW[room] | {room} | (set(BELOW) - COMMANDS if room in COMMANDS else set())
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in files(f"pipeline/{room}") for name in imports(path) if name.startswith("pipeline.")
    }  # fmt: skip
    assert not [(path, name) for path, name in found if name.split(".")[1] in set(BELOW) - allowed]


def test_no_module_imports_in_a_circle() -> None:
    paths = [path for package in ("schemas", *PARTS) for path in files(package) if path.name != "__init__.py"]
    modules = {path.relative_to(ROOT).as_posix().removesuffix(".py").replace("/", "."): path for path in paths}
    arrows = {name: {other for other in imports(path) if other in modules} - {name} for name, path in modules.items()}
    while leaves := [name for name, others in arrows.items() if not others & arrows.keys()]:
        for name in leaves:
            del arrows[name]
    assert not sorted(arrows)
