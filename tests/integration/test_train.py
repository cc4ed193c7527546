"""Training in one process and under torchrun: it learns, resumes exactly, refuses what is not its own."""

import csv
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from schemas.manifest import read_files, read_manifest
from schemas.run_record import FolderConflict
from schemas.storage import FileRecord, Folder
from tests.support.balanced_shards import write_balanced, zipf_samples
from tests.support.training_config import training_config
from tests.support.waiting import PATIENCE_S
from tests.support.worker_group import on_workers
from trainer.config import TrainConfig
from trainer.loop import RunStopped, train
from trainer.saving import checkpoint
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.telling.reporter import Silent
from trainer.use.load import load
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))
ROOT = Path(__file__).parents[2]


PLAIN = {
    "model": "rn-tiny", "epochs": 3.0, "global_batch_size": 8, "warmup_steps": 2, "checkpoint_every_steps": 4,
    "log_every_steps": 1,
}  # fmt: skip


def make_config(tmp_path: Path, name: str, **changes: object) -> TrainConfig:
    return training_config(tmp_path, name, 40, broken=(7,), **(PLAIN | changes))


def curve(output: str) -> list[tuple[str, str, str]]:
    rows = csv.DictReader((Path(output) / "metrics.csv").read_text().splitlines())
    return [(row["step"], row["loss"], row["learning_rate"]) for row in rows]


def test_run_folder_and_exact_resume(tmp_path: Path) -> None:
    whole = make_config(tmp_path, "whole")
    metrics = train(whole, ONE, Silent())
    assert metrics is not None
    assert (metrics.step, metrics.samples, metrics.replaced) == (15, 120, 3)
    losses = [float(loss) for _, loss, _ in curve(whole.output)]
    assert losses[-1] < losses[0]
    manifest = read_manifest(Folder(whole.output), "checkpoint")
    assert manifest["rows"] == 40
    assert [record.name for record in read_files(Folder(whole.output))] == [
        "final/config.json", "final/model.safetensors", "final/tokenizer.json", "final/tokenizer_config.json",
    ]  # fmt: skip
    assert find_checkpoints(Folder(whole.output)) == [12, 15]
    assert json.loads((Path(whole.output) / "training.json").read_text())["samples_per_s"] > 0
    load(whole.output)

    parts = make_config(tmp_path, "parts", stop_after_steps=5)
    for expected in (5, 10, 15):
        assert train(parts, ONE, Silent()).step == expected  # type: ignore[union-attr]
    assert curve(parts.output) == curve(whole.output)
    wanted, found = (load_file(Path(c.output) / "final" / "model.safetensors") for c in (whole, parts))
    assert wanted.keys() == found.keys()
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)
    assert manifest == read_manifest(Folder(parts.output), "checkpoint")


def test_online_balancing_tells_its_sizes_and_resumes_exactly(tmp_path: Path) -> None:
    shards = write_balanced(tmp_path / "balanced", zipf_samples(200, 60), 60)
    options = {"shards": (str(shards),), "balance": "online", "cap": 2, "global_batch_size": 16}
    whole = make_config(tmp_path, "whole", **options)
    told = Told()
    train(whole, ONE, told)
    body = json.loads((Path(whole.output) / "training.json").read_text())
    manifest = read_manifest(Folder(whole.output), "checkpoint")
    balance = manifest["summary"]["balance"]
    assert balance["cap"] == 2
    expected, sizes = balance["expected"][0], balance["drawn"][0]
    assert 60 < expected < 180
    title = f"200 samples (0 without a usable image), {expected} of them expected an epoch by online balancing, cap 2, "
    assert title in told.titles[0]
    assert body["num_samples"] == 200
    assert body["samples"] == 3 * expected // 16 * 16
    assert len(sizes) in (3, 4)
    assert sum(sizes[:-1]) < body["samples"] <= sum(sizes)
    assert manifest["rows"] == 200

    parts = make_config(tmp_path, "parts", stop_after_steps=body["step"] // 3 + 1, **options)
    for _ in range(3):
        train(parts, ONE, Silent())
    assert curve(parts.output) == curve(whole.output)
    assert read_manifest(Folder(parts.output), "checkpoint") == manifest


def test_what_a_run_tells_of_itself(tmp_path: Path) -> None:
    config = make_config(
        tmp_path, "out", epochs=1.0, profile="2:3", tensorboard=True, checkpoint_every_minutes=1e-6,
        checkpoint_every_steps=1000, keep_checkpoints=9, ema_decay=0.9, clip_gradient_norm=1.0,
    )  # fmt: skip
    metrics = train(config, ONE, Silent())
    assert metrics is not None
    assert metrics.gradient_norm > 0
    assert (metrics.mfu, metrics.memory_gb) == (None, None)
    # each row says that the minutes are over; it is read a row later, and the rows until then are saved with it
    assert find_checkpoints(Folder(config.output)) == [2, 4, 5]
    trace = json.loads((Path(config.output) / "profile" / "rank-0.json").read_text())
    names = [event.get("name") for event in trace["traceEvents"]]
    for region in ("data", "backward", "update", "metrics"):
        assert names.count(region) == 2, region
    assert list((Path(config.output) / "tensorboard").iterdir())
    environment = json.loads((Path(config.output) / "environment.json").read_text())
    assert environment["starts"][0]["inputs"] == json.loads((Path(config.output) / "run.json").read_text())["inputs"]
    listed = [record.name for record in read_files(Folder(config.output))]
    assert [name for name in listed if name.endswith("model.safetensors")] == [
        "final-ema/model.safetensors", "final/model.safetensors",
    ]  # fmt: skip
    assert not [name for name in listed if not name.startswith("final")], "clocks and machines are none of the result"
    load(f"{config.output}/final-ema")


def test_a_loss_that_was_not_expected_ends_the_run_saved(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text('{"1": [0.1, 9.0], "6": [0.0, 0.001]}')
    config = make_config(tmp_path, "out", checkpoint_every_steps=1000, expect_loss=str(recipe))
    with pytest.raises(RunStopped, match=r"the loss at step 6 is .*recipe\.json expects 0 to 0\.001 from step 6 on"):
        train(config, ONE, Silent())
    assert find_checkpoints(Folder(config.output)) == [7], "a row is read a row later"
    assert [row[0] for row in curve(config.output)] == ["1", "2", "3", "4", "5", "6", "7"]
    metrics = train(dataclasses.replace(config, expect_loss=None), ONE, Silent())
    assert metrics is not None
    assert metrics.step == 15


def test_a_checkpoint_that_cannot_be_written_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = checkpoint.write_tensors

    def write(folder: Folder, name: str, tensors: dict[str, torch.Tensor]) -> FileRecord:
        if "step-0000008" in name:
            raise OSError("No space left on device")
        return written(folder, name, tensors)

    monkeypatch.setattr(checkpoint, "write_tensors", write)
    config = make_config(tmp_path, "out")
    with pytest.raises(OSError, match="No space left on device"):
        train(config, ONE, Silent())
    assert find_checkpoints(Folder(config.output)) == [4]
    assert not (Path(config.output) / "manifest.json").exists()


class Told(Silent):
    """Keeps the titles."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def start(self, *, done_samples: int, total_samples: int, title: str) -> None:
        self.titles.append(title)


def test_a_cap_without_counts_is_an_error_before_the_first_step(tmp_path: Path) -> None:
    config = make_config(tmp_path, "out", balance="online", cap=5)
    with pytest.raises(FileNotFoundError, match=r"shards has no tables/queries\.parquet, so a cap has no counts"):
        train(config, ONE, Silent())


def test_a_half_written_checkpoint_is_not_taken(tmp_path: Path) -> None:
    config = make_config(tmp_path, "out", stop_after_steps=4)
    train(config, ONE, Silent())
    half = Path(config.output) / "checkpoints" / "step-0000005"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    assert find_checkpoints(Folder(config.output)) == [4]
    assert train(config, ONE, Silent()).step == 8  # type: ignore[union-attr]


def test_another_config_is_refused_with_the_difference(tmp_path: Path) -> None:
    train(make_config(tmp_path, "out", stop_after_steps=1), ONE, Silent())
    with pytest.raises(FolderConflict, match=r"recipe\.learning_rate: 0\.002 -> 0\.01"):
        train(make_config(tmp_path, "out", learning_rate=0.01), ONE, Silent())


def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path) -> None:
    config = make_config(tmp_path, "out", stop_after_steps=1)
    train(config, ONE, Silent())
    state = Path(config.output) / "checkpoints" / "step-0000001" / "state.json"
    state.write_text(state.read_text().replace('"version": 1', '"version": 9'))
    with pytest.raises(ValueError, match="state version 9, this program resumes 1"):
        train(config, ONE, Silent())


def test_vit_learns_too(tmp_path: Path) -> None:
    config = make_config(tmp_path, "vit", model="vit-tiny", epochs=4.0)
    assert train(config, ONE, Silent()) is not None
    losses = [float(loss) for _, loss, _ in curve(config.output)]
    assert losses[-1] < 0.75 * losses[0]


def train_on_two(config: TrainConfig, tmp_path: Path) -> None:
    """Train under torchrun with two processes."""
    program = tmp_path / "train.py"
    program.write_text(
        "from trainer.config import TrainConfig\nfrom trainer.workers.distributed import join_world, leave_world\n"
        "from trainer.loop import train\nfrom trainer.telling.reporter import Silent\n"
        "world = join_world(use_gpu=False)\n"
        f"train({config!r}, world, Silent())\nleave_world(world)\n"
        "import os\nos._exit(0)\n"  # gloo's native threads now and then abort an interpreter that is ending
    )
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program)],
        check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, timeout=PATIENCE_S,
    )  # fmt: skip


def test_torchrun_with_two_processes_goes_on_where_one_stopped(tmp_path: Path) -> None:
    config = make_config(tmp_path, "out", stop_after_steps=3, model="vit-tiny")
    train(config, ONE, Silent())
    train_on_two(dataclasses.replace(config, stop_after_steps=None), tmp_path)
    whole = make_config(tmp_path, "whole", model="vit-tiny")
    train(whole, ONE, Silent())
    for (step, loss, rate), (step_wanted, loss_wanted, rate_wanted) in zip(
        curve(config.output), curve(whole.output), strict=True
    ):
        assert (step, rate) == (step_wanted, rate_wanted)
        assert float(loss) == pytest.approx(float(loss_wanted), rel=1e-3)


def test_more_workers_than_micro_batches_of_a_resnet_are_refused(tmp_path: Path) -> None:
    config = make_config(tmp_path, "out", model="rn-tiny", global_batch_size=8, micro_batch=4)
    with pytest.raises(ValueError, match=r"each of 3 workers takes at least one micro_batch .* give --micro-batch 2"):
        train(config, World(2, 3, torch.device("cpu")), Silent())
    assert not Path(config.output).exists()


def train_silently(world: World, config: TrainConfig) -> list[str]:
    train(config, world, Silent())
    return []


def test_given_weights_with_a_locked_encoder_train_on_two_workers_as_on_one(tmp_path: Path) -> None:
    given = make_config(tmp_path, "given", epochs=0.4)
    train(given, ONE, Silent())
    told = Told()
    tuned = make_config(
        tmp_path, "tuned", model=None, init_from=given.output, lock_image=True, epochs=1.0, micro_batch=4
    )
    train(tuned, ONE, told)
    assert told.titles[0].startswith(f"the model of {given.output} on 40 samples")
    two = dataclasses.replace(tuned, output=str(tmp_path / "two"))
    on_workers(train_silently, [(2, two)], tmp_path)
    for (step, loss, rate), (step_wanted, loss_wanted, rate_wanted) in zip(
        curve(two.output), curve(tuned.output), strict=True
    ):
        assert (step, rate) == (step_wanted, rate_wanted)
        assert float(loss) == pytest.approx(float(loss_wanted), rel=1e-3)
    first, *others = (load_file(Path(config.output) / "final" / "model.safetensors") for config in (given, tuned, two))
    for found in others:
        moved = {name.split(".")[0] for name, tensor in found.items() if not torch.equal(tensor, first[name])}
        assert moved == {"text_encoder", "logit_scale"}
    identity = [json.loads((Path(config.output) / "run.json").read_text())["identity"] for config in (tuned, two)]
    assert identity[0] == identity[1]


def test_micro_batches_train_the_same_and_a_sigmoid_model_is_read_back(tmp_path: Path) -> None:
    whole = make_config(tmp_path, "whole", model="vit-tiny", loss="sigmoid", epochs=0.5)
    parts = dataclasses.replace(whole, output=str(tmp_path / "parts"), micro_batch=3)
    for config in (whole, parts):
        train(config, ONE, Silent())
    losses = [[float(loss) for _, loss, _ in curve(config.output)] for config in (whole, parts)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    model, _, _ = load(parts.output)
    assert model.logit_bias is not None
    assert float(model.logit_bias.detach()) != -10.0
