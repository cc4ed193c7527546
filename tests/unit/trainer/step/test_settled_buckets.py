"""Three workers that go on in new processes add their gradients in the order of three that were not disturbed."""

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from tests.support.worker_group import on_workers
from trainer.assembly import spread
from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.model.set_up import set_up_encoders
from trainer.options.encoders import EncoderOptions
from trainer.presets import PRESETS
from trainer.step.backward import backward
from trainer.step.settled_buckets import settle_buckets
from trainer.workers.distributed import World

CPU = torch.device("cpu")
ROWS, STEPS, STOP = 6, 4, 2
VOCABULARY = 300


def small_model(name: str) -> CLIP:
    geometry = PRESETS[name].model
    torch.manual_seed(0)
    return CLIP(dataclasses.replace(geometry, text=dataclasses.replace(geometry.text, vocab_size=VOCABULARY)))


def batch(step: int, world: World, px: int) -> Batch:
    generator = torch.Generator().manual_seed(step)
    images = torch.randint(0, 256, (ROWS, 3, px, px), generator=generator, dtype=torch.uint8)
    texts = torch.randint(0, VOCABULARY, (ROWS, 7), generator=generator).tolist()
    first, last = world.rows(ROWS)
    return Batch(
        ids=np.arange(first, last),
        images_b3PP=images[first:last],
        captions=[],
        texts=PackedTexts.from_rows(texts[first:last]),
        replaced=0,
        first_place=step * ROWS + first,
    )


def take_steps(model: CLIP, steps: range, world: World, settled: bool, static_graph: bool) -> None:
    """Be a process that starts: wrap the model anew, then take its steps."""
    wrapped = spread(model, world, static_graph=static_graph)
    if settled:
        settle_buckets(wrapped, CPU)
    for step in steps:
        backward(wrapped, batch(step, world, model.config.image.image_px), world, global_batch_size=ROWS)
        with torch.no_grad():
            for weight in model.parameters():
                assert weight.grad is not None
                weight -= 0.1 * weight.grad


def whole_and_in_parts(world: World, case: tuple[str, bool, bool]) -> list[list[torch.Tensor]]:
    """Return the final weights and buffers of an undisturbed training, and of one that goes on at a step."""
    name, settled, static_graph = case
    found = []
    for cuts in ([0, STEPS], [0, STOP, STEPS]):
        model = small_model(name)
        for first, last in pairwise(cuts):
            take_steps(model, range(first, last), world, settled, static_graph)
        found.append([value.detach().clone() for value in model.state_dict().values()])
    return found


def test_weights_are_equal_to_the_bit_and_were_not_without(tmp_path: Path) -> None:
    cases = [("vit-tiny", settled, static_graph) for settled in (True, False) for static_graph in (True, False)]
    found = on_workers(whole_and_in_parts, [(3, case) for case in cases], tmp_path)
    for (_, settled, _), of_workers in zip(cases, found, strict=True):
        for whole, parts in of_workers:
            assert all(map(torch.equal, whole, parts)) == settled


def buckets_and_state(world: World, case: tuple[str, EncoderOptions]) -> dict[str, Any]:
    name, options = case
    model = small_model(name)
    set_up_encoders(model, options, seed=0, rows=ROWS)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    random = torch.get_rng_state()
    wrapped = spread(model, world, static_graph=True)
    settle_buckets(wrapped, CPU)
    assert isinstance(wrapped, DistributedDataParallel)
    return {
        "compiled": len(torch._dynamo.utils.counters["stats"]),
        "rebuilt": wrapped._has_rebuilt_buckets,
        "same": all(torch.equal(value, before[key]) for key, value in model.state_dict().items()),
        "draws": torch.equal(random, torch.get_rng_state()),
        "gradients": [key for key, weight in model.named_parameters() if weight.grad is not None],
        "trained": all(module.training for module in model.modules()),
    }


def test_nothing_but_the_buckets_changes(tmp_path: Path) -> None:
    expected = {"compiled": 0, "rebuilt": True, "same": True, "draws": True, "gradients": [], "trained": True}
    usual, all_on = EncoderOptions(), EncoderOptions(patch_dropout=0.5, activation_checkpointing="blocks", compile=True)
    cases = [("vit-tiny", usual), ("rn-tiny", usual), ("vit-tiny", all_on)]
    for of_workers in on_workers(buckets_and_state, [(2, case) for case in cases], tmp_path):
        assert of_workers == [expected] * 2


def test_one_worker_has_no_buckets() -> None:
    model = small_model("vit-tiny")
    settle_buckets(model, CPU)
    assert all(weight.grad is None for weight in model.parameters())
