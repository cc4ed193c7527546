"""What repeats a run: its command line gives the same config again; each start is an entry."""

from importlib.metadata import version
from pathlib import Path

import pytest
import torch
import tyro

from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from trainer.config import TrainConfig
from trainer.record.run_environment import ENVIRONMENT_FILE, command_line, write_environment
from trainer.workers.distributed import World

CONFIG = TrainConfig(
    shards=("a", "b c"), output="o", weights=(1.0, 2.5), epochs=3.5, tensorboard=True, wandb="p", profile="1:2",
    captions=("first", "random"), checkpoint_every_minutes=2.0,
)  # fmt: skip


def test_the_command_line_is_that_of_the_config() -> None:
    for config in (CONFIG, TrainConfig(shards=("s",), output="o")):
        assert tyro.cli(TrainConfig, args=command_line(config)) == config


def test_each_start_is_told(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    record = RunRecord(command="trainer run", config={}, inputs=[{"name": "shards-0", "listing_sha256": "ab"}])
    start_run(folder, record)
    for step in (0, 5):
        for rank in (0, 1):
            write_environment(folder, CONFIG, World(rank, 2, torch.device("cpu")), step)
    starts = folder.read_json(ENVIRONMENT_FILE)["starts"]
    assert [start["step"] for start in starts] == [0, 5]
    told = starts[0]
    assert told["packages"]["torch"] == version("torch")
    assert told["inputs"] == [{"name": "shards-0", "listing_sha256": "ab"}]
    assert told["identity"] == record.identity
    assert told["config"]["weights"] == [1.0, 2.5]
    assert (told["workers"], told["hardware"]["device"]) == (2, "cpu")
    assert told["hardware"]["memory_gb"] > 0.1
    assert told["git"] is None or len(told["git"]["commit"]) == 40


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"], ids=["empty", "cut", "list", "no text"])
def test_a_damaged_one_is_put_aside(tmp_path: Path, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    folder = Folder(str(tmp_path))
    start_run(folder, RunRecord(command="trainer run", config={}))
    folder.write(ENVIRONMENT_FILE, body)
    write_environment(folder, CONFIG, World(0, 1, torch.device("cpu")), 5)
    assert [start["step"] for start in folder.read_json(ENVIRONMENT_FILE)["starts"]] == [5]
    assert folder.read("environment.json.damaged") == body
    assert f"{folder.path(ENVIRONMENT_FILE)}: expected" in caplog.text
