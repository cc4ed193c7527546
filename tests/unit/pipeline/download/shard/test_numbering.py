"""Numbers of shards have no holes in the end, whatever was made when, wherever a run was killed on its way there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.shard.numbering import (
    delete_strays,
    finished_plan,
    finished_plans,
    moves,
    number_shards,
)
from pipeline.download.shard.plan import ShardPlan
from schemas.storage import Folder
from schemas.units import commit_unit


@given(st.sets(st.integers(0, 60)), st.integers(0, 5))
def test_numbers_become_contiguous_by_one_move_for_each_hole(above: set[int], first: int) -> None:
    numbers = {first + number for number in above}
    moved = dict(moves(numbers, first))
    after = sorted(moved.get(number, number) for number in numbers)
    assert after == list(range(first, first + len(numbers)))
    assert len(moved) <= max(numbers, default=first) + 1 - first - len(numbers)
    assert not moves(after, first)


def make_plan(folder: Folder, plan: int, has_images: bool, shift: int = 0, body: bytes = b"") -> None:
    """Write what a worker writes for a plan."""
    stem = ShardPlan(plan, plan - shift, "", "").stem(has_images)
    suffixes = (".tar", ".parquet") if has_images else (".parquet",)
    files = [folder.write(f"{stem}{suffix}", body + f"{plan}{suffix}".encode()) for suffix in suffixes]
    files.append(folder.write(f"rejections/{plan:05d}.parquet", b"r"))
    commit_unit(folder, f"{stem}_stats.json", files, {"plan": plan, "successes": int(has_images)})


def contents(folder: Folder) -> dict[str, bytes]:
    return {name: folder.read(name) for name in [*folder.names(), *folder.names("rejections")]}


def finish(folder: Folder, first: int = 0) -> list[int | None]:
    numbered = number_shards(folder, finished_plans(folder).values(), first)
    delete_strays(folder, numbered)
    return [found.shard for found in numbered]


BROUGHT = [True, False, True, False, False, True, True, True]
"""By plan: whether it brought an image."""


def test_the_last_shards_fill_the_holes(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    for plan, has_images in enumerate(BROUGHT):
        make_plan(folder, plan, has_images)
    assert finish(folder) == [0, None, 2, None, None, 1, 3, 4]
    assert folder.names(suffix=".tar") == [f"{number:05d}.tar" for number in range(5)]
    assert [folder.read(f"{number:05d}.tar") for number in range(5)] == [
        b"0.tar",
        b"5.tar",
        b"2.tar",
        b"6.tar",
        b"7.tar",
    ]
    assert folder.read("00001.parquet") == b"5.parquet"
    assert folder.names(suffix="_stats.json") == [
        *(f"{number:05d}_stats.json" for number in range(5)),
        *(f"without-images-{plan:05d}_stats.json" for plan in (1, 3, 4)),
    ]


def test_a_folder_of_a_refill_goes_on_where_the_shards_before_end(tmp_path: Path) -> None:
    """Plans 4 .. 7 after two shards of four plans."""
    folder = Folder(str(tmp_path))
    for plan, has_images in zip(range(4, 8), (True, False, True, True), strict=True):
        make_plan(folder, plan, has_images, shift=2)
    assert finish(folder, first=2) == [2, None, 4, 3]
    assert folder.read("00003.tar") == b"7.tar"


class Killed(Exception):
    """Stands for SIGKILL between two operations on the store."""


class KilledFolder(Folder):
    """A folder whose process is killed before its operation number `operations`."""

    def __init__(self, path: str, operations: int) -> None:
        super().__init__(path)
        self.left = operations

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def copy(self, name: str, target: str) -> None:
        self._step()
        super().copy(name, target)

    def write_json(self, name: str, value: object):
        self._step()
        return super().write_json(name, value)

    def delete(self, name: str) -> None:
        self._step()
        super().delete(name)


def test_killed_at_any_operation_the_next_run_ends_with_the_same_files(tmp_path: Path) -> None:
    whole = Folder(str(tmp_path / "whole"))
    for plan, has_images in enumerate(BROUGHT):
        make_plan(whole, plan, has_images)
    finish(whole)
    for operations in range(100):
        path = str(tmp_path / str(operations))
        for plan, has_images in enumerate(BROUGHT):
            make_plan(Folder(path), plan, has_images)
        try:
            finish(KilledFolder(path, operations))
        except Killed:
            assert finished_plans(Folder(path)).keys() == set(range(len(BROUGHT)))  # nothing is fetched again
            finish(Folder(path))
        else:
            break
        assert contents(Folder(path)) == contents(whole)
    assert 10 < operations < 99


def test_of_two_attempts_at_a_plan_the_one_that_brought_images_counts(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    make_plan(folder, 0, True)
    make_plan(folder, 0, False)
    make_plan(folder, 1, False)
    assert finish(folder) == [0, None]
    assert folder.names() == [
        "00000.parquet", "00000.tar", "00000_stats.json", "without-images-00001.parquet",
        "without-images-00001_stats.json",
    ]  # fmt: skip


def test_what_a_killed_worker_left_of_a_plan_is_deleted(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    make_plan(folder, 0, True)
    folder.write("00007.tar", b"no commit names it")
    folder.write("without-images-00000.parquet", b"nor this")
    folder.write("notes.txt", b"of the user")
    finish(folder)
    assert folder.names() == ["00000.parquet", "00000.tar", "00000_stats.json", "notes.txt"]


@pytest.mark.parametrize("has_images", [True, False])
def test_a_plan_that_lost_a_file_is_not_done(tmp_path: Path, has_images: bool) -> None:
    folder = Folder(str(tmp_path))
    make_plan(folder, 3, has_images)
    plan = ShardPlan(3, 3, "", "")
    assert finished_plan(folder, plan) is not None
    folder.delete(f"{plan.stem(has_images)}.parquet")
    assert finished_plan(folder, plan) is None
    assert not finished_plans(folder)


def test_numbers_of_older_folders_are_those_of_the_plans(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    commit_unit(folder, "00003_stats.json", [folder.write("00003.tar", b"x")], {"successes": 1})
    assert {plan: found.shard for plan, found in finished_plans(folder).items()} == {3: 3}


@pytest.mark.parametrize("url", ["local", "memory://numbering/copies"])
def test_a_copy_is_whole_and_replaces_what_is_there(tmp_path: Path, url: str) -> None:
    folder = Folder(str(tmp_path) if url == "local" else url)
    folder.write("a", b"one")
    folder.write("b", b"two")
    for _ in range(2):
        folder.copy("a", "b")
        assert folder.read("b") == b"one"
    folder.write("a", b"three")
    assert folder.read("b") == b"one"
    assert folder.names() == ["a", "b"]
    folder.delete("")
