"""Shards train as whole weights do: the same losses and weights on any number of workers, in any precision."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from tests.support.small_clip import CONFIG, rows_of, small_batch, small_clip
from tests.support.worker_group import on_workers
from trainer.model.blocks import blocks_of
from trainer.model.clip import CLIP
from trainer.model.compiled_blocks import compile_blocks
from trainer.model.recompute import mark_blocks
from trainer.optim.adamw import make_optimizer
from trainer.optim.ema import Ema
from trainer.optim.loss_scale import LossScaler
from trainer.optim.text_weights import keep_text_weights
from trainer.options.optim import OptimOptions
from trainer.presets import ModelConfig, ResNetConfig, find_preset
from trainer.step.backward import backward
from trainer.step.sharding import gathered, shard_model
from trainer.step.update import Updater
from trainer.workers.distributed import World

DEEP = dataclasses.replace(
    CONFIG, image=dataclasses.replace(CONFIG.image, layers=3), text=dataclasses.replace(CONFIG.text, layers=3)
)
RESNET = ModelConfig(
    embed_dim=8, image=ResNetConfig(image_px=32, width=8, blocks=(2, 1, 1, 1)), text=CONFIG.text, loss="sigmoid"
)
MODELS = {"vit": CONFIG, "deep": DEEP, "resnet": RESNET}
RECIPE = find_preset("vit-tiny").recipe
STEPS = 3
OVERFLOWS = 2
LAYERWISE = {"layer_decay": 0.7, "clip_gradient_norm": 0.5, "ema_decay": 0.9}

BLOCKS = ["image_encoder.transformer.resblocks.0", "text_encoder.transformer.resblocks.0"]
RESNET_BLOCKS = ["image_encoder.layer1.0", "image_encoder.layer1.1", "image_encoder.layer3.0", *BLOCKS[1:]]

CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "options": (2, {"options": LAYERWISE}),
    "three": (3, {}),
    "resnet": (2, {"model": "resnet", "options": {"clip_gradient_norm": 0.5}}),
    "resnet on three": (3, {"model": "resnet", "options": LAYERWISE}),
    "micro-batches": (3, {"micro_batch": 2}),
    "resnet in micro-batches": (2, {"model": "resnet", "micro_batch": 2, "together": 2}),
    "some recomputed": (2, {"recomputed": BLOCKS[:1]}),
    "resnet recomputed": (3, {"model": "resnet", "recomputed": RESNET_BLOCKS}),
    "compiled": (2, {"model": "deep", "compiled": True, "recomputed": BLOCKS[1:], "micro_batch": 3}),
}
HALVES: dict[str, tuple[int, dict[str, Any]]] = {
    "bfloat16 weights": (2, {"autocast": torch.bfloat16, "options": {"text_weights": "bfloat16"}}),
    "float16": (2, {"autocast": torch.float16}),
    "float16 recomputed": (2, {"autocast": torch.float16, "recomputed": BLOCKS}),
}


def made(world: World, case: dict[str, Any], *, sharded: bool) -> tuple[CLIP, torch.nn.Module]:
    """Return the model, and as it trains."""
    dtype = torch.float32 if case.get("autocast") else torch.float64
    model = small_clip(MODELS[case.get("model", "vit")]).to(dtype)
    keep_text_weights(model, OptimOptions(**case.get("options", {})).text_weights)
    mark_blocks(blocks_of(model), case.get("recomputed", ()))
    if case.get("compiled"):
        compile_blocks(model, backend="aot_eager")
    if sharded:
        shard_model(model, world, products=case.get("autocast"))
        return model, model
    return model, DistributedDataParallel(model, forward_sync_buffers=False, gradient_as_bucket_view=True)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().clone()


def trained(world: World, case: dict[str, Any], *, sharded: bool) -> dict[str, Any]:
    """Return what some steps make of the same weights: losses, norms, weights, averages, features of some rows."""
    num, image_px = (16, 32) if case.get("model") == "resnet" else (11, 16)
    world = World(world.rank, world.size, world.device, rows_together=case.get("together", 1))
    options, autocast = OptimOptions(**case.get("options", {})), case.get("autocast")
    torch._dynamo.reset()
    counters.clear()
    model, wrapped = made(world, case, sharded=sharded)
    optimizer = make_optimizer(model, RECIPE, options, seed=3)
    ema = Ema(model, options.ema_decay) if options.ema_decay is not None else None
    scaler = LossScaler("cpu", init_scale=128.0) if autocast == torch.float16 else None
    updater = Updater(model, optimizer, max_norm=options.clip_gradient_norm, scaler=scaler, ema=ema)
    batch = rows_of(small_batch(num, image_px), *world.rows(num))
    told: dict[str, Any] = {"losses": [], "norms": []}
    for step in range(1, STEPS + 1):
        updater.keep_buffers()
        loss = backward(
            wrapped, batch, world, global_batch_size=num, autocast=autocast, micro_batch=case.get("micro_batch"),
            scaler=scaler,
        )  # fmt: skip
        applied = updater.update(step, 0.01)
        told["losses"].append(loss)
        told["norms"].append(applied.norm)
    told["weights"] = {name: whole(tensor) for name, tensor in model.state_dict().items()}
    if ema is not None:
        told["averages"] = {name: whole(tensor) for name, tensor in ema.state_dict().items()}
    told["graphs"] = counters["stats"]["unique_graphs"]
    model.eval()
    in_precision = torch.autocast("cpu", dtype=autocast, enabled=autocast is not None)
    with torch.no_grad(), gathered(model), in_precision:
        for _ in range(world.rank):  # workers have different numbers of batches
            told["features"] = model.encode_images(batch.images_b3PP), model.encode_texts(batch.texts)
    return told


def both(world: World, case: dict[str, Any]) -> dict[str, Any]:
    return {kind: trained(world, case, sharded=kind == "fsdp") for kind in ("ddp", "fsdp")}


def compare(found: Any, wanted: Any, most: float) -> None:
    """Compare what FSDP and DDP gave. Keys' biases have gradients of rounding errors alone, which Adam enlarges."""
    if not isinstance(found, dict):
        torch.testing.assert_close(found, wanted, rtol=most, atol=most)
        return
    assert found.keys() == wanted.keys()
    for name, tensor in found.items():
        wide = 10 * most if name.endswith("in_proj.bias") else most
        torch.testing.assert_close(tensor, wanted[name], rtol=most, atol=wide, msg=lambda m, n=name: f"{n}: {m}")


def check(cases: dict[str, tuple[int, dict[str, Any]]], directory: Path, most: float) -> None:
    for title, results in zip(cases, on_workers(both, list(cases.values()), directory), strict=True):
        for result in results:
            for name, found in result["fsdp"].items():
                try:
                    compare(found, result["ddp"][name], most)
                except AssertionError as error:
                    raise AssertionError(f"{title}, {name}: {error}") from error
            for name, weight in result["fsdp"]["weights"].items():
                if "running" not in name and "num_batches" not in name:
                    assert torch.equal(weight, results[0]["fsdp"]["weights"][name]), name
        assert results[0]["fsdp"]["losses"][0] != results[0]["fsdp"]["losses"][-1]
        assert bool(results[0]["fsdp"]["graphs"]) == cases[title][1].get("compiled", False)


@pytest.mark.slow
def test_shards_train_as_whole_weights_do(tmp_path: Path) -> None:
    check(CASES, tmp_path, 1e-12)


def test_halves_train_as_with_whole_weights(tmp_path: Path) -> None:
    check(HALVES, tmp_path, 1e-6)


def updated(world: World, _: None) -> dict[str, Any]:
    """Return what given gradients of the scaled loss make of text weights in bfloat16, one step with an overflow."""
    model = small_clip().float()
    keep_text_weights(model, "bfloat16")
    if world.size > 1:
        shard_model(model, world)
    optimizer = make_optimizer(model, RECIPE, OptimOptions(text_weights="bfloat16", adam_statistics="bfloat16"), seed=5)
    scaler = LossScaler("cpu", init_scale=1024.0)
    scaler.scale(torch.ones(()))
    updater = Updater(model, optimizer, scaler=scaler)
    told: dict[str, Any] = {"skipped": [], "scales": []}
    for step in range(1, STEPS + 1):
        generator = torch.Generator().manual_seed(step)
        for name, parameter in model.named_parameters():
            gradient = torch.randn(parameter.shape, generator=generator).to(parameter.dtype)
            if step == OVERFLOWS and name == "text_encoder.transformer.resblocks.0.mlp.c_fc.weight":
                gradient[-1, -1] = torch.inf  # in the rows of the last worker
            if isinstance(parameter, DTensor):
                parameter.grad = distribute_tensor(gradient, parameter.device_mesh, parameter.placements)
            else:
                parameter.grad = gradient
        told["skipped"].append(updater.update(step, 0.01).skipped)
        told["scales"].append(scaler.get_scale())
    told["weights"] = {name: whole(tensor) for name, tensor in model.state_dict().items()}
    told["second"] = {name: whole(optimizer.state[one]["exp_avg_sq"]) for name, one in model.named_parameters()}
    return told


def test_weights_in_halves_have_equal_bits_on_any_number_of_workers_who_skip_alike(tmp_path: Path) -> None:
    (alone,), *others = on_workers(updated, [(1, None), (2, None), (3, None)], tmp_path)
    assert [float(skipped) for skipped in alone["skipped"]] == [0.0, 1.0, 0.0]
    assert alone["scales"] == [1024.0, 512.0, 512.0]
    for result in (result for results in others for result in results):
        torch.testing.assert_close(result, alone, rtol=0, atol=0)
