"""A run that is killed while its thread writes a checkpoint: the steps went on meanwhile, and nothing is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from schemas.storage import Folder
from tests.support.small_shards import write_shards
from trainer.config import TrainConfig
from trainer.loop import train
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys, threading, torch
from trainer.saving import checkpoint
from trainer.config import TrainConfig
from trainer.workers.distributed import World
from trainer.loop import train
from trainer.telling.reporter import Silent

write = checkpoint.write_tensors
def write_slowly(folder, name, tensors):  # storage that does not answer any more in the middle of the second checkpoint
    if name.endswith("step-0000008/optimizer.safetensors"):
        print("writing", flush=True)
        threading.Event().wait()
    return write(folder, name, tensors)
checkpoint.write_tensors = write_slowly
train({config!r}, World(0, 1, torch.device("cpu")), Silent())
"""


def test_the_steps_go_on_and_the_checkpoint_before_is_whole(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48)
    options = {"shards": (str(tmp_path / "shards"),), "model": "rn-tiny", "epochs": 1.0, "global_batch_size": 4,
               "warmup_steps": 2, "log_every_steps": 1, "checkpoint_every_steps": 4}  # fmt: skip
    whole, killed = (TrainConfig(output=str(tmp_path / name), **options) for name in ("whole", "killed"))
    one = World(0, 1, torch.device("cpu"))
    train(whole, one, Silent())

    folder = Folder(killed.output)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(config=killed)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert find_checkpoints(folder) == [4]
    assert (tmp_path / "killed" / "checkpoints" / "step-0000008" / "model.safetensors").exists()

    train(killed, one, Silent())
    wanted, found = (load_file(Path(config.output) / "final" / "model.safetensors") for config in (whole, killed))
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)
    rows = [
        [row.split(",")[:6] for row in (Path(config.output) / "metrics.csv").read_text().splitlines()]
        for config in (whole, killed)
    ]
    assert rows[0] == rows[1]
