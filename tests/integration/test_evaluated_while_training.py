"""Evaluations while a run trains: on all workers the same exact counts, and the run is none the wiser."""

import csv
import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from schemas.storage import Folder
from tests.support.small_shards import COLOURS, picture, write_shards
from tests.support.worker_group import on_workers
from trainer.config import TrainConfig
from trainer.evaluate.config import ZeroShotConfig
from trainer.evaluate.evaluator import Evaluator
from trainer.evaluate.zero_shot import evaluate
from trainer.loop import train
from trainer.record.claim import claim_output
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.saving.written_files import read_state
from trainer.telling.reporter import Silent
from trainer.use.load import load
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))


def made(tmp_path: Path, name: str, **changes: object) -> TrainConfig:
    if not (tmp_path / "shards").exists():
        write_shards(tmp_path / "shards", 24)
        write_shards(tmp_path / "held-out", 21)
        for number in range(13):
            folder = tmp_path / "images" / list(COLOURS)[number % 4]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.png").write_bytes(picture(100 + number))
        (tmp_path / "images" / "red" / "broken.png").write_bytes(b"broken")
        (tmp_path / "classes.txt").write_text("\n".join(COLOURS))
        (tmp_path / "templates.txt").write_text("a {} picture\nsomething {}\n")
    plain = TrainConfig(
        shards=(str(tmp_path / "shards"),), output=str(tmp_path / name), model="rn-tiny", epochs=2.0,
        global_batch_size=8, warmup_steps=2, log_every_steps=4, checkpoint_every_steps=1000, keep_checkpoints=1,
        evaluate_every_steps=2, evaluate_dataset=str(tmp_path / "images"),
        evaluate_classes=str(tmp_path / "classes.txt"), evaluate_templates=str(tmp_path / "templates.txt"),
        evaluate_shards=str(tmp_path / "held-out"), evaluate_samples=18, evaluate_batch_size=5,
    )  # fmt: skip
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def evaluations(config: TrainConfig) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for row in csv.DictReader((Path(config.output) / "evaluations.csv").open()):
        found.setdefault(int(row["step"]), {})[row["measure"]] = float(row["value"])
    return found


def test_nothing_changes_the_best_is_kept_and_the_last_is_the_final_models(tmp_path: Path) -> None:
    config = made(tmp_path, "with", keep_best="image_to_text_r5")
    plain = made(
        tmp_path, "without", evaluate_every_steps=None, evaluate_dataset=None, evaluate_classes=None,
        evaluate_templates=None, evaluate_shards=None,
    )  # fmt: skip
    for one in (config, plain):
        train(one, ONE, Silent())
    wanted, trained = (load_file(Path(one.output) / "final" / "model.safetensors") for one in (plain, config))
    assert all(torch.equal(wanted[name], trained[name]) for name in wanted)

    found = evaluations(config)
    assert list(found) == [2, 4, 6]
    values = {step: measures["image_to_text_r5"] for step, measures in found.items()}
    best = max(values, key=lambda step: (values[step], -step))
    assert find_checkpoints(Folder(config.output)) == sorted({best, 6})
    state, _ = read_state(Folder(config.output).sub("checkpoints/step-0000006"), 1)
    assert (state["best"]["step"], state["best"]["value"]) == (best, pytest.approx(values[best], rel=1e-5))
    results = evaluate(
        ZeroShotConfig(
            checkpoint=config.output, dataset=str(tmp_path / "images"), classes=str(tmp_path / "classes.txt"),
            templates=str(tmp_path / "templates.txt"),
        )
    )  # fmt: skip
    for name in ("top1", "top5", "mean_per_class"):
        assert found[6][f"zero_shot_{name}"] == pytest.approx(results[name], rel=1e-5)


def measured(world: World, config: TrainConfig) -> dict[str, float]:
    model, _, tokenizer = load(config.output, device="cpu")
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            buffer += world.rank * name.endswith("running_mean")  # the first worker's are the model's
    return Evaluator(config, Folder(f"{config.output}-two"), world).measure(model, tokenizer)


def test_two_workers_count_what_one_does(tmp_path: Path) -> None:
    config = made(tmp_path, "one", stop_after_steps=2)
    train(config, ONE, Silent())
    wanted = evaluations(config)[2]
    (found,) = on_workers(measured, [(2, config)], tmp_path)
    for of_worker in found:
        assert of_worker == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluate_dataset": "nowhere"}, "--evaluate-dataset: no such folder 'nowhere'"),
        ({"evaluate_classes": "nowhere"}, "--evaluate-classes: no such file 'nowhere'"),
        ({"evaluate_shards": "nowhere"}, "--evaluate-shards: no such folder"),
    ],
)
def test_what_is_wrong_is_told_before_the_output_is_claimed(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    config = made(tmp_path, "out", **changes)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        claim_output(config, Folder(config.output))
    assert not (tmp_path / "out").exists()
