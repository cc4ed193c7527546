"""``--help`` of every command and subcommand: at once, and nothing of other libraries on the terminal."""

import subprocess
import sys
import typing

import pytest

from pipeline.__main__ import Command as PipelineCommand
from querygen.command import Command as QuerygenCommand
from trainer.__main__ import CONFIGS as TRAINER
from trainer.__main__ import GROUPS as TRAINER_GROUPS

SLOW = ("apache_beam", "numba", "numpy", "pandas", "pyarrow", "ray", "scipy", "torch")
"""What takes from 0.1 to 5 s to import: a help that needs none of them comes within a second on any machine."""


def _names(command: object) -> list[str]:
    """The subcommands' names, as tyro has them of the annotations."""
    return [typing.get_args(alternative)[1].name for alternative in typing.get_args(command)]


HELPS = [
    ("querygen.__main__", []),
    *[("querygen.__main__", [name]) for name in _names(QuerygenCommand)],
    ("pipeline.__main__", []),
    *[("pipeline.__main__", [name]) for name in _names(PipelineCommand)],
    ("trainer.__main__", []),
    *[("trainer.__main__", [name]) for name in TRAINER_GROUPS],
    *[("trainer.__main__", list(names)) for names in TRAINER],
    ("trainer.run", []),
]


@pytest.mark.parametrize(
    ("module", "arguments"), HELPS, ids=["-".join([m.removesuffix(".__main__"), *a]) for m, a in HELPS]
)
def test_help_imports_nothing_slow_and_warns_of_nothing(module: str, arguments: list[str]) -> None:
    code = (
        "import runpy, sys\n"
        "try:\n"
        f"    runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code, ended.code\n"
        f"print('imported:', [name for name in {SLOW!r} if name in sys.modules])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--help"], capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    assert "usage:" in ended.stdout
    assert ended.stdout.endswith("imported: []\n"), ended.stdout[-200:]
