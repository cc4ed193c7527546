"""The sigmoid loss and its gradients are the paper's, on any number of workers, cut into any tiles."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from tests.support.small_clip import (
    CONFIG,
    assert_gradients_equal,
    eager_loss,
    gradients,
    rows_of,
    small_batch,
    small_clip,
)
from tests.support.worker_group import on_workers
from trainer.loss import tiles
from trainer.loss.sigmoid import sigmoid_loss
from trainer.workers.distributed import World, local_rows

ALONE = World(0, 1, torch.device("cpu"))
SIGMOID = dataclasses.replace(CONFIG, loss="sigmoid")
WORKER_CASES = [(2, 11), (3, 11), (4, 11), (4, 12)]


@pytest.mark.parametrize(("rows", "columns"), [(512, 2048), (4, 3), (1, 1)])
@pytest.mark.parametrize(("scale", "bias"), [(10.0, -10.0), (100.0, 3.0), (0.1, 0.0)])
def test_one_worker_is_the_papers_algorithm(
    monkeypatch: pytest.MonkeyPatch, rows: int, columns: int, scale: float, bias: float
) -> None:
    monkeypatch.setattr(tiles, "ROWS", rows)
    monkeypatch.setattr(tiles, "COLUMNS", {"cpu": columns})
    generator = torch.Generator().manual_seed(2)
    drawn = [torch.randn(11, 8, generator=generator, dtype=torch.float64) for _ in range(2)]
    results = []
    for loss_of in (lambda *inputs: sigmoid_loss(*inputs, ALONE, 11), eager_loss):
        inputs = [torch.nn.functional.normalize(part, dim=1).requires_grad_() for part in drawn]
        inputs += [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (scale, bias)]
        loss = loss_of(*inputs)
        results.append([loss.detach(), *torch.autograd.grad(3 * loss, inputs)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def test_features_of_other_rows_are_refused() -> None:
    rows, one = torch.ones(5, 8), torch.ones(())
    with pytest.raises(ValueError, match="worker 0 of 1 must give features of 6 images and texts, found 5 and 5"):
        sigmoid_loss(rows, rows, one, one, ALONE, 6)


def work(world: World, batch_size: int) -> dict[str, Any]:
    tiles.ROWS, tiles.COLUMNS = 2, {"cpu": 3}
    model = small_clip(SIGMOID)
    wrapped = DistributedDataParallel(model)  # kept alive: its hooks average the gradients
    batch = rows_of(small_batch(batch_size), *local_rows(batch_size, world.rank, world.size))
    loss = sigmoid_loss(*wrapped(batch.images_b3PP, batch.texts), world, batch_size)
    loss.backward()
    return {"loss": loss.detach(), "gradients": gradients(model)}


def test_workers_together_equal_one_process(tmp_path: Path) -> None:
    for (_, batch_size), results in zip(WORKER_CASES, on_workers(work, WORKER_CASES, tmp_path), strict=True):
        model, batch = small_clip(SIGMOID), small_batch(batch_size)
        whole = eager_loss(*model(batch.images_b3PP, batch.texts))
        whole.backward()
        wanted = gradients(model)
        assert {"logit_scale", "logit_bias"} < wanted.keys()
        mean = torch.stack([result["loss"] for result in results]).mean()
        assert float(mean) == pytest.approx(float(whole.detach()), rel=1e-13)
        for result in results:
            assert_gradients_equal(result["gradients"], wanted)
