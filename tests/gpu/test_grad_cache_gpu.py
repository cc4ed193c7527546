"""On a CUDA GPU: micro-batches with draws give the gradient of all rows at once, the loss in TF32 is near float64's."""

import pytest
import torch
from torch import nn

from tests.support.small_clip import eager_loss, gradients, small_batch, small_clip
from trainer.loss.contrastive import contrastive_loss
from trainer.step.backward import backward
from trainer.step.micro_batches import micro_batches
from trainer.workers.distributed import World

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]


def test_draws_on_the_gpu_are_the_same_in_both_passes() -> None:
    world = World(0, 1, torch.device("cuda", 0))
    found = []
    for cached in (True, False):
        model = small_clip().to(world.device)
        for encoder in (model.image_encoder, model.text_encoder):
            encoder.register_forward_hook(lambda _, __, features: nn.functional.dropout(features, 0.3))
        torch.manual_seed(7)
        batch = small_batch(11)
        if cached:
            backward(model, batch, world, global_batch_size=11, micro_batch=4)
        else:
            images_b3PP, texts = batch.images_b3PP.to(world.device), batch.texts.to(world.device)
            pieces = micro_batches(images_b3PP, texts, batch.places(world.device), 4)
            outputs = [model(piece.images_m3PP, piece.texts) for piece in pieces]
            images, texts = (torch.cat(rows) for rows in list(zip(*outputs, strict=True))[:2])
            eager_loss(images, texts, outputs[0][2]).backward()
        found.append((gradients(model), torch.rand((), device=world.device)))
    assert torch.equal(found[0][1], found[1][1])
    largest = max(float(gradient.abs().max()) for gradient in found[1][0].values())
    for name, gradient in found[1][0].items():
        assert float((found[0][0][name] - gradient).abs().max()) <= 1e-9 * largest, name


def test_the_loss_in_tf32_is_near_that_in_float64_and_leaves_the_setting() -> None:
    device = torch.device("cuda", 0)
    before = torch.backends.cuda.matmul.fp32_precision
    generator = torch.Generator().manual_seed(2)
    rows = [torch.randn(1_500, 512, generator=generator, dtype=torch.float64) for _ in range(2)]
    results = []
    for dtype in (torch.float32, torch.float64):
        inputs = [nn.functional.normalize(part, dim=1).to(device, dtype).requires_grad_() for part in rows]
        inputs.append(torch.tensor(100.0, dtype=dtype, device=device, requires_grad=True))
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = contrastive_loss(*inputs, World(0, 1, device), 1_500)
        results.append([loss.detach(), *torch.autograd.grad(loss, inputs)])
    for ours, exact in zip(*results, strict=True):
        assert float((ours.double() - exact).abs().max()) <= 5e-3 * float(exact.abs().max())
    assert torch.backends.cuda.matmul.fp32_precision == before
