"""A whole run with --compile, by the kernels of torch's own compiler: one graph a kind of block, the eager weights."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch._dynamo.utils import counters

from tests.support.training_config import training_config
from trainer.loop import train
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))
KINDS_OF_BLOCKS = 4
"""A block of the image encoder, one of the text encoder, and the last of each, which has less to compute."""


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def final_weights(tmp_path: Path, name: str, compiled: bool) -> dict[str, torch.Tensor]:
    config = training_config(
        tmp_path, name, 40, model="vit-tiny", epochs=2.0, global_batch_size=8, warmup_steps=2, compile=compiled,
        log_every_steps=1,
    )  # fmt: skip
    assert train(config, ONE, Silent()) is not None
    return load_file(tmp_path / name / "final" / "model.safetensors")


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="needs a C++ compiler: apt install g++"
)
def test_a_compiled_run_has_one_graph_a_kind_of_block_and_ends_with_the_weights_of_an_eager_one(tmp_path: Path) -> None:
    wanted = final_weights(tmp_path, "eager", compiled=False)
    assert counters["stats"]["unique_graphs"] == 0
    found = final_weights(tmp_path, "compiled", compiled=True)
    assert not counters["graph_break"]
    assert counters["stats"]["unique_graphs"] == KINDS_OF_BLOCKS, "ten steps have captions of many lengths"
    assert found.keys() == wanted.keys()
    for name, weights in wanted.items():
        torch.testing.assert_close(
            found[name], weights, rtol=0, atol=1e-5, msg=lambda told, name=name: f"{name}: {told}"
        )
