"""Runs killed at random moments, going on with other numbers of workers: every step sees the rows it always sees.

The schedules are drawn from the seed in a test's name (`tests/support/resumption/schedule.py`). Their processes and
their SIGKILLs are real; a batch taken stands for a step. `test_training_resumes.py` trains.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.support.process_tree import NEEDS_PROC
from tests.support.resumption.data_sets import DATA_SETS
from tests.support.resumption.execute import carry_out, differences, undisturbed
from tests.support.resumption.schedule import draw_schedule
from tests.support.shard_server import serving

IN_CI, IN_ALL = 10, 210
PROCESSES_IN_CI, PROCESSES_IN_ALL = 1, 40
SIZES = {name: data.num_samples for name, data in DATA_SETS.items()}

pytestmark = NEEDS_PROC


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for name, data in DATA_SETS.items():
        data.write(root / name)
    return root


def seeds(in_ci: int, in_all: int) -> list[Any]:
    marks = [() if seed < in_ci else pytest.mark.slow for seed in range(in_all)]
    return [pytest.param(seed, marks=mark, id=f"seed-{seed}") for seed, mark in enumerate(marks)]


@pytest.mark.parametrize("seed", seeds(IN_CI, IN_ALL))
def test_a_killed_run_sees_what_an_undisturbed_one_sees(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "undisturbed"))
    drawn = draw_schedule(seed, SIZES)
    paths = DATA_SETS[drawn.run.data].paths(folders / drawn.run.data)
    num_attempts = carry_out(drawn, paths, tmp_path / "run")
    assert differences(drawn, num_attempts, tmp_path / "run", undisturbed(drawn.run, paths)) == []


@pytest.mark.parametrize("seed", seeds(PROCESSES_IN_CI, PROCESSES_IN_ALL))
def test_so_does_one_with_loader_processes_that_reads_over_http(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Loader processes are killed, too, and every attempt has another number of them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "undisturbed"))
    drawn = draw_schedule(seed, SIZES, by_processes=True)
    data = DATA_SETS[drawn.run.data]
    whole = undisturbed(drawn.run, data.paths(folders / drawn.run.data))
    with serving(folders / drawn.run.data) as web:
        paths = [f"{web.url}/{number}" for number in range(len(data.shards))]
        num_attempts = carry_out(drawn, paths, tmp_path / "run")
    assert differences(drawn, num_attempts, tmp_path / "run", whole) == []
