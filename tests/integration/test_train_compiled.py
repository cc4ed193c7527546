"""A whole run with --compile, by the kernels of torch's own compiler: one graph a kind of block, the eager weights.

Measured with torch 2.13 and g++ 12 on a CPU: 4 graphs, no break, some 200 s of CPU where nothing is in inductor's
cache. Losses of the ten steps differ by 2e-5 at most, weights by 6e-5.
"""

import csv
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

MAX_APART = 1e-3
"""Root mean square of a tensor's difference, of the way that Adam can move a weight in the run (the sum of the rates).

A bound on each weight would be luck: Adam divides gradients by their own size, so that the rounding of one that is near
zero moves its weight as far as a large gradient does. Measured: 4e-4 (`ln_final` of the texts), most below 5e-5.
"""


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def trained(tmp_path: Path, name: str, compiled: bool) -> tuple[dict[str, torch.Tensor], list[dict[str, str]]]:
    """Train; return the final weights, and the metrics of each step."""
    config = training_config(
        tmp_path, name, 40, model="vit-tiny", epochs=2.0, global_batch_size=8, warmup_steps=2, compile=compiled,
        log_every_steps=1,
    )  # fmt: skip
    assert train(config, ONE, Silent()) is not None
    with (tmp_path / name / "metrics.csv").open() as rows:
        return load_file(tmp_path / name / "final" / "model.safetensors"), list(csv.DictReader(rows))


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="needs a C++ compiler: apt install g++"
)
def test_a_compiled_run_has_one_graph_a_kind_of_block_and_ends_with_the_weights_of_an_eager_one(tmp_path: Path) -> None:
    """A keys' bias is left out: it shifts all logits of a query alike, so its gradient is rounding alone."""
    wanted, eager = trained(tmp_path, "eager", compiled=False)
    assert counters["stats"]["unique_graphs"] == 0
    found, compiled = trained(tmp_path, "compiled", compiled=True)
    assert not counters["graph_break"]
    assert counters["stats"]["unique_graphs"] == KINDS_OF_BLOCKS, "ten steps have captions of many lengths"
    losses, eager_losses = ([float(row["loss"]) for row in rows] for rows in (compiled, eager))
    assert losses == pytest.approx(eager_losses, rel=0, abs=1e-4)
    assert found.keys() == wanted.keys()
    way = sum(float(row["learning_rate"]) for row in eager)
    for name, weights in wanted.items():
        apart = (found[name] - weights).double()
        if name.endswith("attn.in_proj.bias"):
            apart = torch.cat(apart.chunk(3)[::2])
        assert float(apart.square().mean().sqrt()) <= MAX_APART * way, name
