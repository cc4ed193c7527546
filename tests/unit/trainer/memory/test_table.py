"""The table names what a training takes and marks the micro-batch that fits; nothing of the model is computed."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from trainer.__main__ import main
from trainer.memory.config import MemoryPlanConfig
from trainer.memory.table import memory_table
from trainer.model.clip import CLIP
from trainer.presets import PRESETS
from trainer.saving.checkpoint import model_config_to_json


def test_the_micro_batch_that_fits_is_marked() -> None:
    table = memory_table(MemoryPlanConfig(model="vit-tiny", global_batch_size=65_536, num_workers=2, gpu_gb=8.0))
    (chosen,) = (line for line in table.splitlines() if line.startswith("* "))
    assert "GradCache" in chosen
    assert chosen.endswith("fits")
    assert "32,768 at once" in table
    assert "does not fit" in table.splitlines()[-1]


def test_a_batch_that_fits_is_taken_whole() -> None:
    table = memory_table(MemoryPlanConfig(model="vit-tiny", global_batch_size=64, gpu_gb=80.0, precision="float32"))
    (chosen,) = (line for line in table.splitlines() if line.startswith("* "))
    assert chosen.startswith("* 64 at once ")


def told(**options: Any) -> dict[str, float]:
    """Return the bytes of the table's parts, in MB, and of the chosen micro-batch as `chosen`."""
    table = memory_table(MemoryPlanConfig(**({"model": "vit-tiny", "global_batch_size": 4_096} | options)))
    found = re.findall(r"^(\* |  )(.{44}) +([\d.]+) ([GM])B", table, re.MULTILINE)
    parts = {name.strip(): float(size) * (1_000 if unit == "G" else 1) for mark, name, size, unit in found}
    (chosen,) = (float(size) * 1_000 for mark, _, size, _ in found if mark == "* ")
    return parts | {"chosen": chosen}


def test_options_have_their_effect() -> None:
    whole, pair = told(), "a pair in the model"
    less = told(activation_checkpointing="blocks", patch_dropout=0.5, micro_batch=64, ema_decay=0.9)
    assert less[pair] < 0.8 * whole[pair]
    assert less["chosen"] < 0.5 * whole["chosen"]
    assert "averages of the weights" in less
    assert "averages of the weights" not in whole
    assert "gathered, with gradients, at once" in told(parallel="fsdp", num_workers=4)


def test_blocks_are_recomputed_as_a_budget_asks() -> None:
    config = MemoryPlanConfig(
        model="vit-tiny", global_batch_size=1_024, activation_checkpointing="auto", activation_gb=1.0
    )
    last = memory_table(config).splitlines()[-1]
    assert re.search(r"1,024 at once, [1-6] of 6 blocks again", last), last


def test_another_geometry_is_a_file(tmp_path: Path) -> None:
    geometry = PRESETS["vit-tiny"].model
    wide = dataclasses.replace(geometry, image=dataclasses.replace(geometry.image, width=256))
    (tmp_path / "wide.json").write_text(json.dumps(model_config_to_json(wide)))
    table = memory_table(MemoryPlanConfig(model=str(tmp_path / "wide.json"), global_batch_size=64))
    millions = sum(parameter.numel() for parameter in CLIP(wide).parameters()) / 1e6
    assert f"wide.json, {millions:.1f} million parameters, bfloat16, 64 pairs" in table


def test_a_command_of_train_serves_with_another_verb(capsys: pytest.CaptureFixture[str]) -> None:
    options = "--shards a b --output o --model vit-tiny --global-batch-size 64 --num-workers 2:4 --seed 3 --epochs 2"
    main(["plan", *options.split(), "--launcher", "ray", "--device", "cpu", "--gpu-gb", "4"])
    assert "float32, 64 pairs on 2 CPU workers of 4 GB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "x"}, "model must be one of"),
        ({"gpu_gb": 0.0}, "gpu_gb must be above 0 and finite, found 0.0"),
        ({"num_workers": 0}, "num_workers must be at least 1, found 0"),
        ({"num_workers": 8, "global_batch_size": 12}, "at least 2 per worker, found 12 for 8 workers"),
    ],
)
def test_bad_values_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MemoryPlanConfig(**changes)
