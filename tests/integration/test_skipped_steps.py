"""Steps that are not finite, from a poisoned encoder: all workers skip and count them; many in a row end the run."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from schemas.storage import Folder
from tests.support.training_config import training_config
from tests.support.worker_group import on_workers
from trainer import loop
from trainer.config import TrainConfig
from trainer.loop import RunStopped, train
from trainer.model.clip import CLIP
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.step.settled_buckets import PASSES
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))

PLAIN = {
    "model": "rn-tiny", "epochs": 2.0, "global_batch_size": 4, "warmup_steps": 2, "log_every_steps": 2,
    "checkpoint_every_steps": 1000,
}  # fmt: skip


def make_config(tmp_path: Path, name: str, **changes: object) -> TrainConfig:
    return training_config(tmp_path, name, 24, **(PLAIN | changes))


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Calls of the image encoder in training, counted from 1, whose features are not finite."""
    calls, plain, count = set[int](), CLIP.encode_images, [0]

    def encode(model: CLIP, images: torch.Tensor, *more: torch.Tensor | None) -> torch.Tensor:
        count[0] += model.training
        return plain(model, images, *more) * (float("inf") if count[0] in calls else 1.0)

    monkeypatch.setattr(CLIP, "encode_images", encode)
    return calls


def weights(config: TrainConfig, step: int) -> dict[str, torch.Tensor]:
    return load_file(Path(config.output) / "checkpoints" / f"step-{step:07d}" / "model.safetensors")


def test_a_few_are_counted_and_change_nothing(tmp_path: Path, poison: set[int]) -> None:
    poison |= {3, 4, 8}
    config = make_config(tmp_path, "out")
    metrics = train(config, ONE, Silent())
    assert metrics is not None
    assert (metrics.step, metrics.skipped) == (12, 3)
    rows = list(csv.DictReader((Path(config.output) / "metrics.csv").open()))
    assert [row["skipped"] for row in rows] == ["0", "2", "2", "3", "3", "3"]
    assert [row["loss"] == "nan" for row in rows] == [False, True, False, False, False, False]
    assert all(tensor.isfinite().all() for tensor in weights(config, 12).values())


def test_many_in_a_row_end_the_run_with_the_weights_from_before(tmp_path: Path, poison: set[int]) -> None:
    poison |= {5}
    before = make_config(tmp_path, "before", epochs=3.0, stop_after_steps=6)
    train(before, ONE, Silent())
    poison |= {11, *range(13, 99)}  # steps 5 and 7 ... of the run that follows
    config = make_config(tmp_path, "out", epochs=3.0, max_skipped_steps=4)
    train(dataclasses.replace(config, stop_after_steps=4), ONE, Silent())
    with pytest.raises(RunStopped, match="4 steps in a row until step 10 had a gradient that is not finite") as stopped:
        train(config, ONE, Silent())
    assert "\n" not in str(stopped.value)
    assert find_checkpoints(Folder(config.output)) == [4, 12], "a row is read when the next one is closed"
    wanted, found = weights(before, 6), weights(config, 12)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    poison.clear()
    metrics = train(config, ONE, Silent())
    assert metrics is not None
    assert (metrics.step, metrics.skipped) == (18, 7)


def poisoned(world: World, config: TrainConfig) -> dict[str, torch.Tensor]:
    """Train with features of the second worker's third batch that are not finite; return the weights it has then."""
    plain, count, assembled = CLIP.encode_images, [0], []

    def encode(model: CLIP, images: torch.Tensor, *more: torch.Tensor | None) -> torch.Tensor:
        count[0] += model.training
        is_poisoned = (count[0] - PASSES, world.rank) == (3, 1)
        return plain(model, images, *more) * (float("nan") if is_poisoned else 1.0)

    def assemble(*arguments: Any) -> Any:
        assembled.append(whole(*arguments))
        return assembled[0]

    whole = loop.assemble
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CLIP, "encode_images", encode)
        patch.setattr(loop, "assemble", assemble)
        metrics = train(config, world, Silent())
    assert metrics is not None
    assert (metrics.step, metrics.skipped) == (5, 1)
    return {name: parameter.detach() for name, parameter in assembled[0].model.named_parameters()}


def test_all_workers_skip_what_one_of_them_cannot_use(tmp_path: Path) -> None:
    config = make_config(tmp_path, "out", stop_after_steps=5)
    ((first, second),) = on_workers(poisoned, [(2, config)], tmp_path)
    saved = weights(config, 5)
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].isfinite().all()
        assert torch.equal(first[name], second[name])
        assert torch.equal(first[name], saved[name])
