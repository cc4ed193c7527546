"""``requirements.lock`` holds each package that the project and its extras `dev` and `demo` name, as they allow it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from schemas.kernels.kernel_cache import ROOT

tomllib: Any = pytest.importorskip("tomllib", reason="Python 3.11 or newer")


def named(project: dict[str, Any], lines: list[str]) -> Iterator[Requirement]:
    """Yield requirements; those of the project's own extras in their place."""
    for line in lines:
        requirement = Requirement(line)
        if requirement.name == project["name"]:
            for extra in sorted(requirement.extras):
                yield from named(project, project["optional-dependencies"][extra])
        else:
            yield requirement


def test_what_is_named_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    locked = dict(re.findall(r"^([^\s=]+)==(\S+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE))
    for requirement in named(project, [*project["dependencies"], *extras["dev"], *extras["demo"]]):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name}: make requirements.lock again, by the command in its first lines"
        assert requirement.specifier.contains(locked[name], prereleases=True), f"{requirement} locked as {locked[name]}"
