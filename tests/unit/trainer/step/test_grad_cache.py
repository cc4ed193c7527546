"""Micro-batches give the gradient of the whole batch: on any number of workers, with draws, with BatchNorm."""

import dataclasses
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
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
from trainer.model.clip import CLIP
from trainer.presets import ResNetConfig
from trainer.step.backward import backward
from trainer.step.grad_cache import cached_backward
from trainer.step.micro_batches import micro_batches
from trainer.workers.distributed import World

CPU = torch.device("cpu")
ALONE = World(0, 1, CPU)
SIGMOID = dataclasses.replace(CONFIG, loss="sigmoid")
RESNET = dataclasses.replace(CONFIG, image=ResNetConfig(image_px=32, width=8, blocks=(1, 1, 1, 1)))


def drawing(model: CLIP) -> CLIP:
    """Return the model with features that are dropped at random."""
    for encoder in (model.image_encoder, model.text_encoder):
        encoder.register_forward_hook(lambda _, __, features: nn.functional.dropout(features, 0.3))
    return model


def resnet() -> CLIP:
    """Return a model whose last normalisation in a block is not that of the start, which is nothing."""
    model = small_clip(RESNET)
    for name, parameter in model.named_parameters():
        if name.endswith("bn3.weight"):
            nn.init.constant_(parameter, 0.5)
    return model


def by_pieces(model: CLIP, size: int, num: int, image_px: int = 16) -> torch.Tensor:
    """Fill the gradients of the plain loss of all micro-batches' features, whose graphs are all kept; return it."""
    batch = small_batch(num, image_px)
    outputs = [
        model(piece.images_m3PP, piece.texts)
        for piece in micro_batches(batch.images_b3PP, batch.texts, batch.places(), size)
    ]
    rows = [torch.cat(parts) for parts in list(zip(*outputs, strict=True))[:2]]
    loss = eager_loss(*rows, *outputs[0][2:])
    loss.backward()
    return loss.detach()


def buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


@pytest.mark.parametrize("size", [1, 4, 10])
@pytest.mark.parametrize("config", [CONFIG, SIGMOID], ids=["contrastive", "sigmoid"])
def test_any_cut_gives_the_gradient_of_the_whole_batch(config: Any, size: int) -> None:
    model, plain = small_clip(config), small_clip(config)
    loss = backward(model, small_batch(11), ALONE, global_batch_size=11, micro_batch=size)
    whole = by_pieces(plain, 11, 11)
    assert not loss.requires_grad
    assert float(loss) == pytest.approx(float(whole), rel=1e-13)
    assert_gradients_equal(gradients(model), gradients(plain))


def test_draws_are_the_same_in_both_passes_and_go_on_after_them() -> None:
    model, plain = drawing(small_clip()), drawing(small_clip())
    results = []
    for step in (lambda: backward(model, small_batch(11), ALONE, global_batch_size=11, micro_batch=4),
                 lambda: by_pieces(plain, 4, 11)):  # fmt: skip
        torch.manual_seed(7)
        results.append([float(step()), float(torch.rand(()))])
    assert results[0] == pytest.approx(results[1], rel=1e-13)
    assert_gradients_equal(gradients(model), gradients(plain))


def test_batchnorm_sees_micro_batches_and_moves_its_statistics_once() -> None:
    model, plain, whole = resnet(), resnet(), resnet()
    loss = backward(model, small_batch(12, 32), ALONE, global_batch_size=12, micro_batch=4)
    assert float(loss) == pytest.approx(float(by_pieces(plain, 4, 12, 32)), rel=1e-13)
    assert_gradients_equal(gradients(model), gradients(plain))
    by_pieces(whole, 12, 12, 32)
    found, wanted, other = buffers(model), buffers(plain), buffers(whole)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert any(not torch.equal(found[name], other[name]) for name in wanted)
    assert all(module.track_running_stats for module in model.modules() if isinstance(module, nn.BatchNorm2d))


def test_a_locked_encoder_gets_no_gradient() -> None:
    model, plain = small_clip(), small_clip()
    for one in (model, plain):
        one.image_encoder.requires_grad_(False)
        one.logit_scale.requires_grad_(False)
    backward(model, small_batch(11), ALONE, global_batch_size=11, micro_batch=4)
    by_pieces(plain, 11, 11)
    assert_gradients_equal(gradients(model), gradients(plain))
    assert all(name.startswith("text_encoder") for name in gradients(model))


def test_a_scaled_loss_scales_gradients_alone() -> None:
    model, plain, batch = small_clip(), small_clip(), small_batch(11)
    loss = cached_backward(
        model, micro_batches(batch.images_b3PP, batch.texts, batch.places(), 4), CPU,
        loss_of=lambda outputs: eager_loss(*outputs), scaled=lambda loss: 8 * loss, in_precision=nullcontext,
    )  # fmt: skip
    assert float(loss) == pytest.approx(float(by_pieces(plain, 11, 11)), rel=1e-13)
    assert_gradients_equal(gradients(model), {name: 8 * gradient for name, gradient in gradients(plain).items()})


WORKER_CASES = [
    (2, ("vit", "plain", 1)),
    (3, ("sigmoid", "as trained", 1)),
    (3, ("resnet", "as trained", 4)),
    (4, ("vit", "as trained", 1)),
    (4, ("resnet", "plain", 4)),
]
"""Workers; model; options of DistributedDataParallel; rows that stay together. Of a ResNet's four micro-batches one of
three workers has two, the others one."""
DDP: dict[str, dict[str, bool]] = {
    "plain": {},
    "as trained": {"broadcast_buffers": False, "gradient_as_bucket_view": True},
}


def model_of(kind: str) -> CLIP:
    return resnet() if kind == "resnet" else small_clip(SIGMOID if kind == "sigmoid" else CONFIG)


def rows_in(kind: str) -> tuple[int, int]:
    """Return rows of the global batch, and pixels per side."""
    return (16, 32) if kind == "resnet" else (11, 16)


def work(world: World, case: tuple[str, str, int]) -> dict[str, Any]:
    kind, settings, together = case
    world = dataclasses.replace(world, rows_together=together)
    num, image_px = rows_in(kind)
    model = model_of(kind)
    wrapped = DistributedDataParallel(model, **DDP[settings])
    batch = rows_of(small_batch(num, image_px), *world.rows(num))
    for _ in range(2):  # the second step is none of DistributedDataParallel's first
        loss = backward(wrapped, batch, world, global_batch_size=num, micro_batch=4 if kind == "resnet" else 2)
    return {"loss": loss, "gradients": gradients(model)}


def test_workers_with_micro_batches_equal_one_process(tmp_path: Path) -> None:
    wanted = {}
    for kind in ("vit", "sigmoid", "resnet"):
        num, image_px = rows_in(kind)
        plain = model_of(kind)
        loss = by_pieces(plain, 4 if kind == "resnet" else num, num, image_px)
        wanted[kind] = float(loss), gradients(plain)
    for (_, (kind, *_)), results in zip(WORKER_CASES, on_workers(work, WORKER_CASES, tmp_path), strict=True):
        mean = torch.stack([result["loss"] for result in results]).mean()
        assert float(mean) == pytest.approx(wanted[kind][0], rel=1e-13)
        for result in results:
            assert_gradients_equal(result["gradients"], wanted[kind][1])
        ratio = results[0]["gradients"]["logit_scale"] / wanted[kind][1]["logit_scale"]
        assert float(ratio) == pytest.approx(1, abs=1e-12)
