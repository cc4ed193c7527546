"""Real photographs: what a run from scratch learns of 1,400 finds captions of 200 others; a broken run is stopped.

Data: ../shared/data (Flickr8k). The ranges are `trainer/recipes/photographs.json`, measured on the run that the
trainer's README shows, seed 0.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.storage import Folder
from tests.support.photo_shards import NUM_HELD_OUT, write_photo_shards
from trainer.config import TrainConfig
from trainer.loop import RunStopped, train
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World

pytestmark = pytest.mark.slow

ONE = World(0, 1, torch.device("cpu"))
RECIPE = Path(__file__).parents[2] / "trainer" / "recipes" / "photographs.json"
CHANCE = 10 / NUM_HELD_OUT


def make(directory: Path, train_on: Path, **changes: Any) -> TrainConfig:
    options: dict[str, Any] = {
        "model": "rn-tiny", "global_batch_size": 128, "epochs": 40.0, "learning_rate": 1e-3,
        "log_every_steps": 10, "checkpoint_every_steps": 10_000, "cpus_per_worker": 1, "expect_loss": str(RECIPE),
    }  # fmt: skip
    return TrainConfig(shards=(str(train_on),), output=str(directory / "out"), **(options | changes))


def test_captions_of_held_out_photographs_are_found(tmp_path: Path, shared_data: Path) -> None:
    train_on, held_out = write_photo_shards(shared_data, tmp_path)
    measured = {"evaluate_every_steps": 100, "evaluate_shards": str(held_out), "evaluate_samples": NUM_HELD_OUT}
    config = make(tmp_path, train_on, keep_best="image_to_text_r10", **measured)
    train(config, ONE, Silent())
    rows = [row.split(",") for row in (Path(config.output) / "evaluations.csv").read_text().split()[1:]]
    best = {name: max(float(value) for _, other, value in rows if other == name) for _, name, _ in rows}
    assert best["image_to_text_r10"] >= 4 * CHANCE, rows
    assert best["text_to_image_r10"] >= 3 * CHANCE, rows


@pytest.mark.parametrize(
    ("shuffled", "changes"),
    [
        pytest.param(False, {"learning_rate": 0.1}, id="rate-times-100"),
        pytest.param(True, {}, id="captions-of-others"),
        pytest.param(True, {"expect_loss": "from-scratch"}, id="captions-of-others-derived"),
    ],
)
def test_a_broken_run_is_saved_and_stopped(
    tmp_path: Path, shared_data: Path, shuffled: bool, changes: dict[str, Any]
) -> None:
    train_on, _ = write_photo_shards(shared_data, tmp_path, shuffled=shuffled)
    config = make(tmp_path, train_on, **changes)
    last = max(int(step) for step in json.loads(RECIPE.read_text()))
    with pytest.raises(RunStopped, match="the run is broken"):
        train(config, ONE, Silent())
    (saved,) = find_checkpoints(Folder(config.output))
    assert saved < last
