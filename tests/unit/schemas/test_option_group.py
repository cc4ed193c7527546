"""Groups of options: the check of each runs, once, however a config is made of them."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from pipeline.__main__ import CONFIGS
from pipeline.collect.config import CollectConfig
from pipeline.run.config import RunConfig
from schemas.option_group import OptionGroup, stage_config

IN_AND_OUT = {"input": "i", "queries": "q", "output": "o"}


@dataclass(frozen=True, kw_only=True)
class NewOptions(OptionGroup):
    fresh: int = 0

    def _check(self) -> None:
        if self.fresh < 0:
            raise ValueError(f"fresh must not be negative, found {self.fresh!r}")


@dataclass(frozen=True, kw_only=True)
class NewUnrelatedOptions:
    """A group whose author did not know of `OptionGroup`."""

    fresh: int = 0

    def _check(self) -> None:
        if self.fresh < 0:
            raise ValueError(f"fresh must not be negative, found {self.fresh!r}")


@pytest.mark.parametrize("config", [CollectConfig, RunConfig])
@pytest.mark.parametrize("group", [NewOptions, NewUnrelatedOptions])
@pytest.mark.parametrize("first", [True, False])
def test_a_new_group_is_not_skipped(config: Any, group: Any, first: bool) -> None:
    @dataclass(frozen=True, kw_only=True)
    class WithNew(*([group, config] if first else [config, group])):  # type: ignore[misc]
        pass

    made = WithNew(**IN_AND_OUT, fresh=1)
    with pytest.raises(ValueError, match="fresh must not be negative, found -1"):
        replace(made, fresh=-1)
    with pytest.raises(ValueError, match="max_caption_bytes must be in"):
        replace(made, max_caption_bytes=0)


def test_every_check_runs_once_and_parents_first() -> None:
    called: list[str] = []

    class Top(OptionGroup):
        def _check(self) -> None:
            called.append("top")

    class Left(Top):
        def _check(self) -> None:
            called.append("left")

    class Without(Top):
        pass

    class Right(Top):
        def _check(self) -> None:
            called.append("right")

    class Bottom(Left, Without, Right):
        def _check(self) -> None:
            called.append("bottom")

    Bottom()
    assert called == ["top", "right", "left", "bottom"]


def test_a_post_init_that_would_hide_the_checks_is_refused() -> None:
    class Foreign:
        def __post_init__(self) -> None:
            pass

    with pytest.raises(TypeError, match=r"Foreign: name __post_init__ _check"):
        type("Mixed", (Foreign, OptionGroup), {})
    with pytest.raises(TypeError, match=r"Own: name __post_init__ _check"):
        type("Own", (OptionGroup,), {"__post_init__": Foreign.__post_init__})


def test_all_commands_are_made_of_groups() -> None:
    assert {name for name, config in CONFIGS.items() if not issubclass(config, OptionGroup)} == set()


def test_a_stage_takes_all_it_has_in_common_and_nothing_by_default() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Stage(NewOptions):
        place: str = ""

    assert stage_config(Stage, NewOptions(fresh=3), place="p") == Stage(fresh=3, place="p")
    with pytest.raises(AssertionError, match="NewOptions has no place for Stage"):
        stage_config(Stage, NewOptions())
