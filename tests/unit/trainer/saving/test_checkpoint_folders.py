"""Which checkpoints stay when another is finished."""

from pathlib import Path

from schemas.storage import Folder
from trainer.saving.checkpoint_folders import delete_stale, find_checkpoints
from trainer.saving.train_state import Best, TrainState


def write(folder: Folder, step: int, *names: str) -> None:
    for name in ("model.safetensors", *names):
        folder.write(f"checkpoints/step-{step:07d}/{name}", b"")


def left(folder: Folder) -> list[int]:
    return sorted(int(path.name[5:]) for path in Path(folder.path("checkpoints")).iterdir())


def state(step: int, best: int | None = None) -> TrainState:
    found = Best(step=best, measure="m", value=1.0) if best is not None else None
    return TrainState(step=step, samples=step, replaced=0, best=found)


def test_the_latest_and_the_best_stay(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert find_checkpoints(folder) == []
    for step in (2, 10, 30, 10_000_000):
        write(folder, step, "state.json")
    assert find_checkpoints(folder) == [2, 10, 30, 10_000_000]
    delete_stale(folder, state(10_000_000, best=2), keep=2)
    assert left(folder) == find_checkpoints(folder) == [2, 30, 10_000_000]


def test_pieces_of_earlier_ones_are_deleted_and_those_that_may_be_needed_stay(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    write(folder, 2, "state.json")
    write(folder, 3)
    write(folder, 4, "state.json.damaged")
    write(folder, 5, "state.json")
    write(folder, 7)
    delete_stale(folder, state(5), keep=2)
    assert left(folder) == [2, 4, 5, 7]
    assert find_checkpoints(folder) == [2, 5]
