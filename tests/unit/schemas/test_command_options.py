"""Command lines of configs: what is parsed, and that the terminal alone breaks the lines of a help."""

import io
import itertools
import re
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import tyro

from pipeline.__main__ import CONFIGS as PIPELINE
from pipeline.__main__ import main as pipeline
from querygen.command import CONFIGS as QUERYGEN
from querygen.command import main as querygen
from schemas.command_options import flowing, read_options
from schemas.option_group import OptionGroup
from trainer.__main__ import CONFIGS as TRAINER
from trainer.__main__ import main as trainer

COMMANDS = [
    *[(pipeline, [name] if name else []) for name in ("", *PIPELINE)],
    *[(querygen, [name] if name else []) for name in ("", *QUERYGEN)],
    *[(trainer, list(names)) for names in ((), *TRAINER)],
]


@dataclass(frozen=True, kw_only=True)
class AnimalOptions(OptionGroup):
    """Which animals."""

    cats: int
    """Number of cats: more of them than this line of the source has room for, and so told of in the next line, in
    which the sentence ends.

    A second paragraph."""
    names: tuple[str, ...] = ()
    """What they are called."""


@dataclass(frozen=True, kw_only=True)
class FoodOptions(OptionGroup):
    """What they eat."""

    fish: float | None = None
    """Fish, in kg; what is there by default."""

    def _check(self) -> None:
        if self.fish is not None and self.fish < 0:
            raise ValueError(f"fish must not be negative, found {self.fish!r}")


@dataclass(frozen=True, kw_only=True)
class HouseConfig(FoodOptions, AnimalOptions):
    """Keep a house."""

    door: Annotated[str, tyro.conf.arg(metavar="WAY")] = "open"
    """Whether it is open."""
    names: tuple[str, ...] = ("Tom",)
    """What they are called in this house."""


def _read(*arguments: str) -> Any:
    return read_options(HouseConfig, prog="house", arguments=arguments)


def _help(command: Any, arguments: list[str], columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the help as a terminal of this width shows it: with boxes, which are drawn in UTF-8 alone."""
    shown = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout", shown)
    with pytest.raises(SystemExit):
        command([*arguments, "--help"])
    shown.seek(0)
    return shown.read()


def test_options_of_all_groups_make_one_config() -> None:
    assert _read("--cats", "2") == HouseConfig(cats=2)
    assert _read("--cats", "2").names == ("Tom",)
    given = _read("--door", "shut", "--fish", "0.5", "--cats", "3", "--names", "Kit", "None")
    assert given == HouseConfig(cats=3, names=("Kit", "None"), fish=0.5, door="shut")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--cats"),
        (("--cats", "1", "--fish", "-1"), "fish must not be negative, found -1.0"),
        (("--cats", "1", "--fish", "None"), "--fish FLOAT"),
        (("--cats", "1", "--dogs", "1"), "Unrecognized options: --dogs"),
    ],
    ids=["missing", "refused by its group", "None is no number", "unknown"],
)
def test_what_is_wrong_is_told(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        _read(*arguments)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert said in told
    assert "house --help" in told


def test_help_has_a_box_for_each_group(monkeypatch: pytest.MonkeyPatch) -> None:
    told = _help(lambda arguments: _read(*arguments), [], 100, monkeypatch)
    assert "Keep a house." in told
    order = ["options ─", "--names", "in this house. (default: Tom)", "--door WAY", "animal options",
             "Which animals.", "--cats INT", "food options",
             "What they eat.", "--fish FLOAT", "Fish, in kg; what is there by default. (optional)"]  # fmt: skip
    boxes = told[told.index("╭") :]
    places = [boxes.find(one) for one in order]
    assert min(places) >= 0
    assert places == sorted(places)
    assert "None" not in told


def test_paragraphs_flow() -> None:
    docstring = "One line,\n    and its end.\n\n    Another\n    paragraph."
    assert flowing(docstring) == "One line, and its end.\n\nAnother paragraph."


def _columns(told: str) -> list[list[str]]:
    """Return the lines inside the boxes of each column of a help."""
    lines = [line for line in told.splitlines() if line[:1] in set("╭│╰")]
    cut = next((found.start() + 1 for line in lines if (found := re.search("[╮│╯][╭│╰]", line))), 1000)
    return [[part.strip()[2:-2] for part in column] for column in ([x[:cut] for x in lines], [x[cut:] for x in lines])]


def _broken_early(lines: list[str]) -> list[str]:
    """Return the lines after which the next one's first word would have had room: both of the text of one option."""
    found = []
    for line, following in itertools.pairwise(lines):
        indent = len(following) - len(following.lstrip())
        word = re.match("[^ ,]*,?", following.strip())
        in_text = line[:indent].strip() == "" or line[max(0, indent - 2) : indent] == "  "
        if not indent or not word or word[0] in ("", "•") or not line[indent:].strip() or not in_text:
            continue
        if len(line.rstrip()) + 1 + len(word[0]) <= len(line):
            found.append(line)
    return found


@pytest.mark.parametrize("columns", [80, 140], ids=["one column", "two columns"])
@pytest.mark.parametrize(("command", "arguments"), COMMANDS, ids=[f"{c.__module__}-{'-'.join(a)}" for c, a in COMMANDS])
def test_only_the_terminal_breaks_lines(
    command: Any, arguments: list[str], columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = _help(command, arguments, columns, monkeypatch)
    parts = _columns(told)
    assert max(len(line) for line in parts[0]) > 20
    assert [line for part in parts for line in _broken_early(part)] == []
    assert max(len(line) for line in told.splitlines() if line[:1] in set("╭│╰")) <= columns


def test_a_line_that_the_source_broke_would_be_found() -> None:
    lines = ["--cats INT  Number of cats: more                ", "            of them. (required)                 "]
    assert _broken_early(lines) == lines[:1]


@pytest.mark.parametrize(
    "config", [*PIPELINE.values(), *QUERYGEN.values(), *TRAINER.values()], ids=lambda one: one.__name__
)
def test_no_help_tells_of_none(config: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options(config, prog="x", arguments=["--help"])
    told = capsys.readouterr().out
    assert "{None}" not in told
    assert "(default: None)" not in told
    assert "(default: )" not in told
