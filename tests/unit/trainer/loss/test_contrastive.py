"""The loss and its gradients are the paper's, on any number of workers, at any scale, cut into any tiles."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from tests.support.small_clip import assert_gradients_equal, eager_loss, gradients, rows_of, small_batch, small_clip
from tests.support.worker_group import on_workers
from trainer.loss import tiles
from trainer.loss.contrastive import contrastive_loss
from trainer.workers.distributed import World, local_rows

ALONE = World(0, 1, torch.device("cpu"))
WORKER_CASES = [(2, (11, 14.3)), (3, (11, 100.0)), (4, (11, 14.3)), (4, (12, 14.3))]
"""Workers, rows of the global batch (even and uneven shares), scale."""
FEW_ROWS = [(4, (3, 14.3)), (3, (1, 14.3))]
"""As above, where some workers have no row: features without a model."""


def features(size: int, dtype: torch.dtype = torch.float64, width: int = 8) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    drawn = (torch.randn(size, width, generator=generator, dtype=torch.float64) for _ in range(2))
    return [torch.nn.functional.normalize(rows, dim=1).to(dtype).requires_grad_() for rows in drawn]


def found_and_wanted(images: torch.Tensor, texts: torch.Tensor, scale: float) -> list[list[torch.Tensor]]:
    """Return loss and gradients of both features and of the scale, of ours and of the eager loss."""
    results = []
    for loss_of in (lambda *inputs: contrastive_loss(*inputs, ALONE, len(images)), eager_loss):
        inputs = [*(rows.detach().requires_grad_() for rows in (images, texts))]
        inputs.append(torch.tensor(scale, dtype=images.dtype, requires_grad=True))
        loss = loss_of(*inputs)
        results.append([loss.detach(), *torch.autograd.grad(3 * loss, inputs)])
    return results


@pytest.mark.parametrize(("rows", "columns"), [(512, 2048), (4, 3), (3, 20), (1, 1), (11, 5)])
@pytest.mark.parametrize("scale", [0.01, 14.3, 100.0])
def test_one_worker_is_the_papers_pseudocode(
    monkeypatch: pytest.MonkeyPatch, rows: int, columns: int, scale: float
) -> None:
    monkeypatch.setattr(tiles, "ROWS", rows)
    monkeypatch.setattr(tiles, "COLUMNS", {"cpu": columns})
    found, wanted = found_and_wanted(*features(11), scale)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("scale", [14.3, 100.0])
def test_identical_features_lose_the_logarithm_of_the_batch(scale: float) -> None:
    rows = features(1)[0].expand(9, 8)
    found, wanted = found_and_wanted(rows, rows, scale)
    assert float(found[0]) == pytest.approx(2.1972245773362196, rel=1e-14)  # log 9
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("swapped", [False, True], ids=["row", "column"])
def test_what_is_far_below_the_largest_logit_keeps_its_loss_in_float32(swapped: bool) -> None:
    """A row (or column) opposite to all others lies 200 below the largest logit at scale 100: exponentials by one
    common maximum would all be 0 in it, and the loss infinite. Logits of 100 are known to 6e-6 in float32."""
    images, texts = (rows.detach() for rows in features(6))
    images[1:], texts[:] = texts[0], texts[0].clone()
    images[0] = -texts[0]
    if swapped:
        images, texts = texts, images
    found = found_and_wanted(images.float(), texts.float(), 100.0)[0]
    exact = found_and_wanted(images, texts, 100.0)[1]
    assert float(exact[0]) > 15
    for ours, theirs in zip(found, exact, strict=True):
        assert float((ours.double() - theirs).abs().max()) <= 4 * 100 * 2**-24 * float(theirs.abs().max())


def test_float32_gradients_are_right_to_its_precision() -> None:
    images, texts = features(700, torch.float32, 64)
    found = found_and_wanted(images, texts, 100.0)[0]
    exact = found_and_wanted(images.double(), texts.double(), 100.0)[1]
    for ours, theirs in zip(found, exact, strict=True):
        assert float((ours.double() - theirs).abs().max()) <= 2e-5 * float(theirs.abs().max())


def test_features_that_are_no_number_give_a_loss_that_is_none() -> None:
    images, texts = (rows.detach().clone() for rows in features(5))
    images[2, 3] = float("nan")
    assert contrastive_loss(images, texts, torch.tensor(10.0, dtype=torch.float64), ALONE, 5).isnan()


def test_features_of_other_rows_are_refused() -> None:
    images, texts = features(5)
    with pytest.raises(ValueError, match="worker 0 of 1 must give features of 6 images and texts, found 5 and 5"):
        contrastive_loss(images, texts, torch.tensor(10.0), ALONE, 6)


def by_model(world: World, case: tuple[int, float]) -> dict[str, Any]:
    batch_size, scale = case
    model = small_clip(scale=scale)
    start, stop = local_rows(batch_size, world.rank, world.size)
    wrapped = DistributedDataParallel(model)  # kept alive: its hooks average the gradients
    batch = rows_of(small_batch(batch_size), start, stop)
    loss = contrastive_loss(*wrapped(batch.images_b3PP, batch.texts), world, batch_size)
    loss.backward()
    return {"loss": loss.detach(), "gradients": gradients(model)}


def by_features(world: World, case: tuple[int, float]) -> list[torch.Tensor]:
    batch_size, scale = case
    rows = slice(*local_rows(batch_size, world.rank, world.size))
    inputs = [part.detach()[rows].requires_grad_() for part in features(batch_size)]
    inputs.append(torch.tensor(scale, dtype=torch.float64, requires_grad=True))
    loss = contrastive_loss(*inputs, world, batch_size)
    return [loss.detach(), *torch.autograd.grad(loss, inputs)]


def work(world: World, case: tuple[str, tuple[int, float]]) -> Any:
    tiles.ROWS, tiles.COLUMNS = 2, {"cpu": 3}
    return (by_model if case[0] == "model" else by_features)(world, case[1])


def test_workers_together_equal_one_process(tmp_path: Path) -> None:
    cases = [(size, ("model", case)) for size, case in WORKER_CASES]
    cases += [(size, ("features", case)) for size, case in FEW_ROWS]
    found = on_workers(work, cases, tmp_path)
    for (_, (batch_size, scale)), results in zip(WORKER_CASES, found, strict=False):
        model = small_clip(scale=scale)
        batch = small_batch(batch_size)
        whole = eager_loss(*model(batch.images_b3PP, batch.texts))
        whole.backward()
        mean = torch.stack([result["loss"] for result in results]).mean()
        assert float(mean) == pytest.approx(float(whole.detach()), rel=1e-13)
        for result in results:
            assert_gradients_equal(result["gradients"], gradients(model))
        ratio = results[0]["gradients"]["logit_scale"] / gradients(model)["logit_scale"]
        assert float(ratio) == pytest.approx(1, abs=1e-12)
    for (size, (batch_size, scale)), results in zip(FEW_ROWS, found[len(WORKER_CASES) :], strict=True):
        wanted = found_and_wanted(*features(batch_size), scale)[1]
        joined = [torch.stack(parts).mean(0) for parts in zip(*((r[0], r[3]) for r in results), strict=True)]
        torch.testing.assert_close(joined[0], wanted[0], rtol=1e-13, atol=1e-14)
        torch.testing.assert_close(joined[1], wanted[3] / 3, rtol=1e-12, atol=1e-14)
        for place in (1, 2):
            rows = torch.cat([result[place] for result in results]) / size
            torch.testing.assert_close(rows, wanted[place] / 3, rtol=1e-12, atol=1e-14)
