"""The table of `trainer`'s subcommands: what runs each config is there."""

from importlib import import_module

import pytest

from trainer.__main__ import CONFIGS, GROUPS, RUN_BY


def test_each_config_is_run_by_something() -> None:
    assert RUN_BY.keys() == set(CONFIGS.values())
    assert {names[0] for names in CONFIGS if len(names) == 2} == GROUPS.keys()


@pytest.mark.parametrize("place", sorted(RUN_BY.values()))
def test_what_runs_a_config_is_there(place: str) -> None:
    module, _, function = place.partition(":")
    assert callable(getattr(import_module(module), function))
