"""What lies beyond a run's end is refused: by the launcher where manifests tell the samples, else by the workers."""

from pathlib import Path
from typing import Any

import pytest

from schemas.manifest import write_manifest
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from tests.support.small_shards import write_shards
from trainer.config import TrainConfig
from trainer.data.open_data import open_folders
from trainer.record.claim import claim_output
from trainer.record.plan import Plan
from trainer.record.reached import check_reached, longest_plan

PLAN = Plan(num_samples=40, global_batch_size=8, total_steps=10, warmup_samples=8)


def make(shards: Path, **changes: Any) -> TrainConfig:
    options = {"model": "vit-tiny", "global_batch_size": 8, "epochs": 2.0} | changes
    return TrainConfig(shards=(str(shards),), output=str(shards.parent / "out"), device="cpu", **options)


BEYOND = [
    pytest.param(
        {"cooldown_samples": 81}, "cooldown_samples must be at most the run's 80 samples, found 81", id="cool"
    ),
    pytest.param({"profile": "11:12"}, "profile must name steps of the run, which has 10, found 11", id="profile"),
    pytest.param({"expect_loss": "{}"}, "has a range from step 11 on, the run ends with step 10", id="loss"),
]


def changed(directory: Path, changes: dict[str, Any]) -> dict[str, Any]:
    if "expect_loss" in changes:
        (directory / "loss.json").write_text('{"11": [1.0, 2.0]}')
        return {"expect_loss": str(directory / "loss.json")}
    return changes | ({"schedule": "constant-cooldown"} if "cooldown_samples" in changes else {})


@pytest.mark.parametrize(("changes", "message"), BEYOND)
def test_what_lies_beyond_the_end_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    config = make(tmp_path / "shards", **changed(tmp_path, changes))
    check_reached(config, Plan(num_samples=40, global_batch_size=8, total_steps=11, warmup_samples=8))
    with pytest.raises(ValueError, match=message):
        check_reached(config, PLAN)


@pytest.mark.parametrize(("changes", "message"), BEYOND)
def test_a_manifest_tells_before_the_output_is_claimed(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    shards = tmp_path / "shards"
    folder = Folder(str(shards))
    record = RunRecord(command="pipeline download", config={})
    start_run(folder, record, alone=False)
    write_shards(shards, 40)
    write_manifest(folder, "shards", [], rows=40, identity=record.identity, summary={})
    config = make(shards, **changed(tmp_path, changes))
    assert longest_plan(config, open_folders(config.shards)) == PLAN
    with pytest.raises(ValueError, match=message):
        claim_output(config, Folder(config.output))
    assert not (tmp_path / "out").exists()


def test_without_manifests_or_with_a_mixture_nothing_is_known(tmp_path: Path) -> None:
    config = make(write_shards(tmp_path / "shards", 40))
    assert longest_plan(config, open_folders(config.shards)) is None
