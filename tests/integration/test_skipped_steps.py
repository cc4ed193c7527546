"""Steps that are not finite, from a poisoned encoder: all workers skip and count them; many in a row end the run."""

import csv
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from schemas.storage import Folder
from tests.support.training_config import training_config
from tests.support.waiting import PATIENCE_S
from trainer.config import TrainConfig
from trainer.loop import RunStopped, train
from trainer.model.clip import CLIP
from trainer.saving.checkpoint import find_checkpoints
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))
ROOT = Path(__file__).parents[2]


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


def test_all_workers_skip_what_one_of_them_cannot_use(tmp_path: Path) -> None:
    config = make_config(tmp_path, "out", stop_after_steps=5)
    program = tmp_path / "train.py"
    program.write_text(
        "import torch\n"
        "from trainer import loop\nfrom trainer.config import TrainConfig\n"
        "from trainer.workers.distributed import join_world\n"
        "from trainer.model.clip import CLIP\nfrom trainer.telling.reporter import Silent\n"
        "from trainer.step.settled_buckets import PASSES\n"
        "world = join_world(use_gpu=False)\n"
        "plain, count = CLIP.encode_images, [0]\n"
        "def encode(model, images, *more):\n"
        "    count[0] += model.training\n"
        "    is_poisoned = (count[0] - PASSES, world.rank) == (3, 1)\n"
        "    return plain(model, images, *more) * (float('nan') if is_poisoned else 1.0)\n"
        "CLIP.encode_images = encode\n"
        "assembled = []\n"
        "assemble = loop.assemble\n"
        "loop.assemble = lambda *arguments: assembled.append(assemble(*arguments)) or assembled[0]\n"
        f"metrics = loop.train({config!r}, world, Silent())\n"
        "assert (metrics.step, metrics.skipped) == (5, 1), metrics\n"
        f"torch.save(dict(assembled[0].model.named_parameters()), {str(tmp_path)!r} + f'/{{world.rank}}.pt')\n"
        "world.barrier()\n"
        "import os\nos._exit(0)\n"
    )
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program)],
        check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, timeout=PATIENCE_S,
    )  # fmt: skip
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    saved = weights(config, 5)
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].isfinite().all()
        assert torch.equal(first[name], second[name])
        assert torch.equal(first[name], saved[name])
