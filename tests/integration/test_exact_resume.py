"""Runs killed at random moments, going on with other numbers of workers: every step sees the rows it always sees.

The schedules are drawn from the seed in a test's name (`tests/support/resumption/schedule.py`). Their processes and
their SIGKILLs are real; a batch taken stands for a step. `test_train_killed.py` trains.
"""

from pathlib import Path

import pytest

from tests.support.process_tree import NEEDS_PROC
from tests.support.resumption.data_sets import DATA_SETS
from tests.support.resumption.execute import carry_out, differences, undisturbed
from tests.support.resumption.schedule import Schedule, draw_schedule

IN_CI, IN_ALL = 10, 210

pytestmark = NEEDS_PROC


def schedule(seed: int) -> Schedule:
    return draw_schedule(seed, {name: data.num_samples for name, data in DATA_SETS.items()})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for name, data in DATA_SETS.items():
        data.write(root / name)
    return root


SEEDS = [
    pytest.param(seed, marks=pytest.mark.slow if seed >= IN_CI else (), id=f"seed-{seed}") for seed in range(IN_ALL)
]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_run_sees_what_an_undisturbed_one_sees(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "undisturbed"))
    drawn = schedule(seed)
    paths = DATA_SETS[drawn.run.data].paths(folders / drawn.run.data)
    num_attempts = carry_out(drawn, paths, tmp_path / "run")
    assert differences(drawn, num_attempts, tmp_path / "run", undisturbed(drawn.run, paths)) == []
