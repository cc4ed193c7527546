"""Shards train as whole weights do: the same losses and weights on any number of workers."""

from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from tests.support.small_clip import CONFIG, rows_of, small_batch, small_clip
from tests.support.worker_group import on_workers
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.optim.ema import Ema
from trainer.optim.text_weights import keep_text_weights
from trainer.options.optim import OptimOptions
from trainer.presets import ModelConfig, ResNetConfig, find_preset
from trainer.step.backward import backward
from trainer.step.sharding import gathered, shard_model
from trainer.step.update import Updater
from trainer.workers.distributed import World

RESNET = ModelConfig(
    embed_dim=8, image=ResNetConfig(image_px=32, width=8, blocks=(2, 1, 1, 1)), text=CONFIG.text, loss="sigmoid"
)
RECIPE = find_preset("vit-tiny").recipe
STEPS = 3
LAYERWISE = {"layer_decay": 0.7, "clip_gradient_norm": 0.5, "ema_decay": 0.9}

CASES: list[tuple[int, dict[str, Any]]] = [
    (2, {"model": "vit", "options": LAYERWISE}),
    (3, {"model": "vit", "options": {}}),
    (2, {"model": "resnet", "options": {"clip_gradient_norm": 0.5}}),
    (3, {"model": "resnet", "options": LAYERWISE}),
    (3, {"model": "vit", "options": {}, "micro_batch": 2}),
    (2, {"model": "resnet", "options": {}, "micro_batch": 2, "together": 2}),
]


def made(world: World, case: dict[str, Any], *, sharded: bool) -> tuple[CLIP, torch.nn.Module]:
    """Return the model, and as it trains."""
    model = small_clip(RESNET if case["model"] == "resnet" else CONFIG).to(case.get("dtype", torch.float64))
    keep_text_weights(model, OptimOptions(**case["options"]).text_weights)
    if sharded:
        shard_model(model, world, products=case.get("autocast"))
        return model, model
    return model, DistributedDataParallel(model, forward_sync_buffers=False, gradient_as_bucket_view=True)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().clone()


def trained(world: World, case: dict[str, Any], *, sharded: bool) -> dict[str, Any]:
    """Return what some steps make of the same weights: losses, norms, weights, averages, features of some rows."""
    num, image_px = (16, 32) if case["model"] == "resnet" else (11, 16)
    world = World(world.rank, world.size, world.device, rows_together=case.get("together", 1))
    options, autocast = OptimOptions(**case["options"]), case.get("autocast")
    model, wrapped = made(world, case, sharded=sharded)
    optimizer = make_optimizer(model, RECIPE, options, seed=3)
    ema = Ema(model, options.ema_decay) if options.ema_decay is not None else None
    updater = Updater(model, optimizer, max_norm=options.clip_gradient_norm, ema=ema)
    batch = rows_of(small_batch(num, image_px), *world.rows(num))
    told: dict[str, Any] = {"losses": [], "norms": []}
    for step in range(1, STEPS + 1):
        updater.keep_buffers()
        loss = backward(
            wrapped, batch, world, global_batch_size=num, autocast=autocast, micro_batch=case.get("micro_batch")
        )
        applied = updater.update(step, 0.01)
        told["losses"].append(loss)
        told["norms"].append(applied.norm)
    told["weights"] = {name: whole(tensor) for name, tensor in model.state_dict().items()}
    if ema is not None:
        told["averages"] = {name: whole(tensor) for name, tensor in ema.state_dict().items()}
    model.eval()
    in_precision = torch.autocast("cpu", dtype=autocast, enabled=autocast is not None)
    with torch.no_grad(), gathered(model), in_precision:
        for _ in range(world.rank):  # workers have different numbers of batches
            told["features"] = model.encode_images(batch.images_b3PP), model.encode_texts(batch.texts)
    return told


def both(world: World, case: dict[str, Any]) -> dict[str, Any]:
    return {kind: trained(world, case, sharded=kind == "fsdp") for kind in ("ddp", "fsdp")}


def compare(found: Any, wanted: Any) -> None:
    """Compare what FSDP and DDP gave. Keys' biases have gradients of rounding errors alone, which Adam enlarges."""
    if not isinstance(found, dict):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
        return
    assert found.keys() == wanted.keys()
    for name, tensor in found.items():
        most = 1e-11 if name.endswith("in_proj.bias") else 1e-12
        torch.testing.assert_close(tensor, wanted[name], rtol=1e-12, atol=most, msg=lambda m, n=name: f"{n}: {m}")


def test_shards_train_as_whole_weights_do(tmp_path: Path) -> None:
    for results in on_workers(both, CASES, tmp_path):
        for result in results:
            for name, found in result["fsdp"].items():
                compare(found, result["ddp"][name])
            for name, weight in result["fsdp"]["weights"].items():
                if "running" not in name and "num_batches" not in name:
                    assert torch.equal(weight, results[0]["fsdp"]["weights"][name]), name
        assert results[0]["fsdp"]["losses"][0] != results[0]["fsdp"]["losses"][-1]
