"""What makes two trainings the same."""

import dataclasses
from pathlib import Path

from schemas.run_record import RunRecord
from tests.support.small_shards import write_shards
from trainer.config import TrainConfig
from trainer.data.open_data import describe_inputs, open_folders
from trainer.record.run_record import training_record


def record(config: TrainConfig) -> RunRecord:
    return training_record(config, describe_inputs(open_folders(config.shards)))


def test_identity_is_what_decides_the_weights(tmp_path: Path) -> None:
    config = TrainConfig(shards=(str(write_shards(tmp_path / "a", 5)),), output=str(tmp_path / "o"))
    identity = record(config).identity
    for same in ({"output": "elsewhere"}, {"num_workers": 4}, {"cache_bytes": 0}, {"epochs": 32.0},
                 {"shards": (str(write_shards(tmp_path / "copy", 5)),)}):  # fmt: skip
        assert record(dataclasses.replace(config, **same)).identity == identity
    for other in ({"seed": 1}, {"model": "rn50"}, {"epochs": 31.0}, {"vocab_size": 600}, {"resize": "stored"},
                  {"balance": "online", "cap": 5}, {"shards": (str(write_shards(tmp_path / "b", 6)),)}):  # fmt: skip
        assert record(dataclasses.replace(config, **other)).identity != identity
