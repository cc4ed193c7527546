"""What three workers wrote of their shards any number of workers reads, sharded or not; damage is named."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.tensor import DTensor

from schemas.storage import Folder
from tests.support.small_clip import CONFIG as SMALL
from tests.support.small_clip import rows_of, small_batch
from tests.support.worker_group import on_workers
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.optim.ema import Ema
from trainer.options.optim import OptimOptions
from trainer.presets import find_preset
from trainer.saving.checkpoint import state_tensors, write_checkpoint
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.saving.held_rows import held_rows
from trainer.saving.host_copies import HostCopies
from trainer.saving.parts import Place
from trainer.saving.resume import resume
from trainer.saving.sharded_checkpoint import write_sharded_checkpoint
from trainer.saving.train_state import TrainState
from trainer.saving.trained import Trained
from trainer.step.backward import backward
from trainer.step.sharding import shard_model
from trainer.step.update import Updater
from trainer.tokenizer import train_tokenizer
from trainer.use.load import load
from trainer.workers.distributed import World

ONE = World(0, 1, torch.device("cpu"))
TOKENIZER = train_tokenizer(["a red picture"], vocab_size=540, context_length=6)
CONFIG = dataclasses.replace(SMALL, text=dataclasses.replace(SMALL.text, vocab_size=TOKENIZER.vocab_size))
RUN = "this run"
OPTIONS = OptimOptions(ema_decay=0.9, adam_statistics="bfloat16")


def made(world: World, seed: int, *, sharded: bool) -> Trained:
    torch.manual_seed(seed)
    model = CLIP(CONFIG)
    if sharded:
        shard_model(model, world)
    return Trained(model, make_optimizer(model, find_preset("vit-tiny").recipe, OPTIONS), Ema(model, 0.9))


def train(trained: Trained, world: World) -> None:
    batch = rows_of(small_batch(7), *world.rows(7))
    updater = Updater(trained.model, trained.optimizer, ema=trained.ema)
    for step in (1, 2):
        updater.keep_buffers()
        backward(trained.model, batch, world, global_batch_size=7)
        updater.update(step, 0.01)


def state_of(step: int) -> TrainState:
    return TrainState(step=step, samples=8 * step, replaced=0)


def save(trained: Trained, world: World, directory: str, step: int) -> None:
    tensors = state_tensors(trained.model, trained.optimizer, trained.ema)
    if world.size == 1:
        copies = HostCopies().take(tensors).files
        write_checkpoint(Folder(directory), copies, CONFIG, TOKENIZER, state_of(step), RUN, keep=9)
        return
    held = held_rows(tensors, is_first=world.first)
    rows = {kind: {name: one.rows for name, one in of_kind.items()} for kind, of_kind in held.items()}
    place = Place(world.rank, world.size, "0f", 60.0)
    write_sharded_checkpoint(
        Folder(directory), HostCopies().take(rows).files, held, CONFIG, TOKENIZER, state_of(step), RUN, 9, place
    )


def whole(trained: Trained) -> dict[str, dict[str, torch.Tensor]]:
    return {
        kind: {name: (one.full_tensor() if isinstance(one, DTensor) else one).detach().clone()
               for name, one in tensors.items()}
        for kind, tensors in state_tensors(trained.model, trained.optimizer, trained.ema).items()
    }  # fmt: skip


def work(world: World, case: dict[str, Any]) -> dict[str, Any]:
    sharded = case["sharded"]
    trained = made(world, 0 if "save" in case else 1, sharded=sharded)
    if "save" in case:
        train(trained, world)
        for step in case["save"]:
            save(trained, world, case["directory"], step)
        return whole(trained)
    state = resume(Folder(case["directory"]), trained, RUN, world)
    assert state == state_of(case["step"]), state
    return whole(trained)


def checkpoint(directory: Path, step: int) -> Path:
    return directory / "checkpoints" / f"step-{step:07d}"


def damage(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[-1] ^= 1
    path.write_bytes(body)


def test_any_number_of_workers_reads_them(tmp_path: Path) -> None:
    parts, alone = str(tmp_path / "parts"), str(tmp_path / "alone")
    one = made(ONE, 0, sharded=False)
    train(one, ONE)
    save(one, ONE, alone, 4)
    cases = [
        (3, {"save": (4,), "sharded": True, "directory": parts}),
        (2, {"step": 4, "sharded": True, "directory": parts}),
        (3, {"step": 4, "sharded": True, "directory": parts}),
        (2, {"step": 4, "sharded": False, "directory": parts}),
        (2, {"step": 4, "sharded": True, "directory": alone}),
    ]
    saved, *read, of_whole = on_workers(work, cases, tmp_path)
    for result in (*read[0], *read[1], *read[2]):
        torch.testing.assert_close(result, saved[0], rtol=0, atol=0)
    for result in of_whole:
        torch.testing.assert_close(result, whole(one), rtol=0, atol=0)

    folder, directory = Folder(parts), checkpoint(Path(parts), 4)
    state = json.loads((directory / "state.json").read_bytes())["files"]
    assert sorted(state) == sorted(path.name for path in directory.iterdir() if path.name != "state.json")
    assert {f"model-0000{rank}-of-00003.safetensors" for rank in (1, 2, 3)} < state.keys()

    trained = made(ONE, 1, sharded=False)
    assert resume(folder, trained, RUN, ONE) == state_of(4)
    torch.testing.assert_close(whole(trained), saved[0], rtol=0, atol=0)
    (directory.parent.parent / "final").mkdir()
    loaded, _, _ = load(parts)
    torch.testing.assert_close(dict(loaded.state_dict()), saved[0]["model.safetensors"], rtol=0, atol=0)
    averages, _, _ = load(parts, averaged=True)
    torch.testing.assert_close(dict(averages.state_dict()), saved[0]["ema.safetensors"], rtol=0, atol=0)


def test_damage_is_passed_over_by_all(tmp_path: Path) -> None:
    one = made(ONE, 0, sharded=False)
    train(one, ONE)
    save(one, ONE, str(tmp_path), 3)
    on_workers(work, [(2, {"save": (5,), "sharded": True, "directory": str(tmp_path)})], tmp_path)
    damage(checkpoint(tmp_path, 5) / "optimizer-00002-of-00002.safetensors")
    second = tmp_path / "second"
    second.mkdir()
    results = on_workers(work, [(2, {"step": 3, "sharded": True, "directory": str(tmp_path)})], second)
    torch.testing.assert_close(results[0][1], whole(one), rtol=0, atol=0)
    assert find_checkpoints(Folder(str(tmp_path))) == [3]


@pytest.mark.parametrize("fault", ["missing", "damaged", "cut", "no index"])
def test_a_part_that_is_not_as_written_is_an_error_that_names_it(tmp_path: Path, fault: str) -> None:
    trained = made(ONE, 0, sharded=False)
    write_two(trained, tmp_path, 5)
    name = "shards.json" if fault == "no index" else "model-00002-of-00002.safetensors"
    path = checkpoint(tmp_path, 5) / name
    if fault == "damaged":
        damage(path)
    elif fault == "cut":
        path.write_bytes(path.read_bytes()[:-4])
    else:
        path.unlink()
    with pytest.raises((ValueError, FileNotFoundError), match=name):
        resume(Folder(str(tmp_path)), made(ONE, 1, sharded=False), RUN, ONE)


def write_two(
    trained: Trained, directory: Path, step: int, *, run: str = "0f", ranks: tuple[int, ...] = (1, 0)
) -> None:
    """Write a checkpoint in two parts from one process: the second has the parameters, the first all else."""
    tensors = state_tensors(trained.model, trained.optimizer, trained.ema)
    for rank in ranks:
        held = held_rows(tensors, is_first=True)
        shared = {name for name, _ in trained.model.named_parameters()}
        for kind, of_kind in held.items():
            held[kind] = {name: one for name, one in of_kind.items() if (name in shared) == (rank == 1)}
        rows = {kind: {name: one.rows for name, one in of_kind.items()} for kind, of_kind in held.items()}
        place = Place(rank, 2, run, 0.0)
        write_sharded_checkpoint(
            Folder(str(directory)),
            HostCopies().take(rows).files,
            held,
            CONFIG,
            TOKENIZER,
            state_of(step),
            RUN,
            9,
            place,
        )


def test_a_part_that_does_not_come_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    trained = made(ONE, 0, sharded=False)
    write_two(trained, tmp_path, 5)
    with pytest.raises(TimeoutError, match="part 00002-of-00002 was not written by its worker within 0 s"):
        write_two(trained, tmp_path, 9, ranks=(0,))
    write_two(trained, tmp_path, 9, run="1e", ranks=(1,))  # of another invocation: killed before its end
    with pytest.raises(TimeoutError, match="part 00002-of-00002"):
        write_two(trained, tmp_path, 9, ranks=(0,))
    assert find_checkpoints(Folder(str(tmp_path))) == [5]
    assert resume(Folder(str(tmp_path)), made(ONE, 1, sharded=False), RUN, ONE) == state_of(5)
    write_two(trained, tmp_path, 9)
    assert find_checkpoints(Folder(str(tmp_path))) == [5, 9]


def test_a_whole_checkpoint_replaces_parts_of_the_same_step_and_parts_a_whole_one(tmp_path: Path) -> None:
    one, other = made(ONE, 0, sharded=False), made(ONE, 2, sharded=False)
    write_two(one, tmp_path, 5)
    for trained in (other, one):
        (checkpoint(tmp_path, 5) / "state.json").unlink()  # killed before it was written
        if trained is one:
            write_two(trained, tmp_path, 5)
        else:
            save(trained, ONE, str(tmp_path), 5)
        found = made(ONE, 1, sharded=False)
        assert resume(Folder(str(tmp_path)), found, RUN, ONE) == state_of(5)
        torch.testing.assert_close(whole(found), whole(trained), rtol=0, atol=0)
