"""What mypy is told not to look at: kernels, whose types are those of their calls; and few ignored lines."""

import ast
import re
from pathlib import Path

import pytest

from schemas.kernels.kernel_cache import PACKAGES, ROOT

DECORATORS = {"kernel", "unlocked", "leaf", "inlined", "spliced", "intrinsic", "jit"}
MOST_IGNORED = 20
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def is_typed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    named = [argument for argument in arguments if argument.arg not in ("self", "cls")]
    return all(argument.annotation is not None for argument in named) and (
        function.returns is not None or (function.name == "__init__" and bool(named))
    )


def untyped(path: Path) -> list[str]:
    """The functions of a module that are neither typed nor kernels, nor inside of one."""
    found = []

    def look(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                names = {getattr(decorator, "id", "") for decorator in child.decorator_list}
                if names & DECORATORS:
                    continue
                if not is_typed(child):
                    found.append(child.name)
            look(child)

    look(ast.parse(path.read_text("utf-8")))
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_only_kernels_are_untyped(package: str) -> None:
    found = {
        path.relative_to(ROOT).as_posix(): untyped(path) for path in SOURCES if path.is_relative_to(ROOT / package)
    }
    assert {name: functions for name, functions in found.items() if functions} == {}


def test_few_lines_are_ignored() -> None:
    ignored = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if "type: ignore" in line
    ]
    assert len(ignored) <= MOST_IGNORED, ignored


def test_tables_are_no_any() -> None:
    """mypy follows pyarrow's stubs; of them only the functions of `pyarrow.compute` are of type Any."""
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    overrides = re.findall(r"(?s)\[\[tool\.mypy\.overrides\]\](.*?)(?=\n\[)", settings)
    skipped = [block for block in overrides if "follow_imports" in block]
    assert re.findall(r'"(pyarrow[^"]*)"', "".join(skipped)) == ["pyarrow.compute"]
