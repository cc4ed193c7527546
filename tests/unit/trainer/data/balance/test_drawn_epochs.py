"""Epochs by draw: each sample at most once, tails always, as many as expected; the same for all, stored or not."""

import itertools
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.storage import Folder
from tests.support.balanced_shards import chances_of, open_balanced, prepare, write_balanced, zipf_samples
from tests.support.opened_shards import open_shards
from trainer.data.balance.balanced import Balanced
from trainer.data.balance.drawn_epochs import DrawnEpochs
from trainer.data.data_set import DataSet
from trainer.data.order.sample_order import STREAMS

CAP = 12


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    directory = tmp_path_factory.mktemp("drawn")
    samples = zipf_samples(1_500, 300)
    write_balanced(directory / "a", samples, 300, per_shard=400)
    return directory, samples


def sequence(data: DataSet, steps: range, size: int, workers: int = 1) -> list[tuple[int, int, int]]:
    """Return (source, epoch, number in its source) of the rows of some batches."""
    rows = []
    for step in steps:
        for worker in range(workers):
            found = data.mixture.rows(step, size, worker * size // workers, (worker + 1) * size // workers)
            for source, epoch, block, sample in zip(
                found.sources.tolist(), found.epochs.tolist(), found.blocks.tolist(), found.samples.tolist(),
                strict=True,
            ):  # fmt: skip
                rows.append((source, epoch, int(data.sources[source].blocks.numbers[block]) + sample))
    return rows


def drawn(data: DataSet, source: int = 0) -> DrawnEpochs:
    found = data.mixture.orders[source]._drawn
    assert isinstance(found, DrawnEpochs)
    return found


def samples_of(data: DataSet, epoch: int) -> set[int]:
    """Return the numbers of the samples that an epoch draws, by its bits."""
    epochs, blocks = drawn(data), data.sources[0].blocks
    found = set()
    for block, size in enumerate(epochs.block_sizes(epoch).tolist()):
        places = epochs.stored(epoch, np.full(size, block, dtype=np.int32), np.arange(size, dtype=np.int32))
        found.update((blocks.numbers[block] + places).tolist())
    return found


def test_each_sample_comes_at_most_once_an_epoch_and_the_tail_always(made: tuple[Path, list[Any]]) -> None:
    directory, samples = made
    data = open_balanced(directory / "run", directory / "a", cap=CAP)
    chances = chances_of(samples, CAP)
    always = {number for number, chance in enumerate(chances) if chance == 1}
    expected, variance = sum(chances), sum(chance * (1 - chance) for chance in chances)
    assert 200 < len(always) < expected < 1_300
    assert data.epoch_samples == round(expected)
    rows = sequence(data, range(80), 100)
    seen = []
    for epoch in range(6):
        numbers = [number for _, of_epoch, number in rows if of_epoch == epoch]
        assert len(numbers) == len(set(numbers))
        assert set(numbers) == samples_of(data, epoch)
        assert always <= set(numbers)
        assert abs(len(numbers) - expected) < 5 * float(variance) ** 0.5
        seen.append(set(numbers))
    for one, other in itertools.pairwise(seen):
        common = sum(chance * chance for chance in chances)
        assert abs(len(one & other) - common) < 5 * float(sum(c * c * (1 - c * c) for c in chances)) ** 0.5
    assert data.mixture.orders[0].epoch_sizes(sum(map(len, seen))) == [len(one) for one in seen]
    assert data.mixture.orders[0].epoch_sizes(0) == []


def test_each_sample_is_drawn_as_often_as_its_chance_says(made: tuple[Path, list[Any]]) -> None:
    directory, samples = made
    data = open_balanced(directory / "run", directory / "a", cap=CAP)
    times = np.zeros(len(samples))
    for epoch in range(200):
        times[list(samples_of(data, epoch))] += 1
    chances = np.array([float(chance) for chance in chances_of(samples, CAP)])
    assert (np.abs(times - 200 * chances) <= 5 * np.sqrt(200 * chances * (1 - chances)) + 1).all()


@pytest.mark.parametrize("pool", [STREAMS, 1_000, 1 << 20])
def test_the_batches_are_the_same_for_all_workers(made: tuple[Path, list[Any]], pool: int) -> None:
    directory, _ = made
    data = open_balanced(directory / "run", directory / "a", cap=CAP, pool=pool)
    whole = sequence(data, range(30), 83)
    assert {epoch for _, epoch, _ in whole} >= {0, 1, 2}
    for workers in (2, 3, 7):
        assert sequence(data, range(30), 83, workers) == whole
    counts = np.unique([number for _, epoch, number in whole if epoch == 1], return_counts=True)[1]
    assert counts.max() == 1


@pytest.mark.parametrize("step", [1, 7, 29])
def test_a_run_goes_on_anywhere(made: tuple[Path, list[Any]], step: int) -> None:
    directory, _ = made
    whole = sequence(open_balanced(directory / "run", directory / "a", cap=CAP), range(30), 83)
    again = open_balanced(directory / "run", directory / "a", cap=CAP)
    assert sequence(again, range(step, 30), 83) == whole[step * 83 :]


def test_no_block_is_needed_after_its_expiry(made: tuple[Path, list[Any]]) -> None:
    directory, _ = made
    data = open_balanced(directory / "run", directory / "a", cap=CAP, pool=1_000)
    expiries: dict[tuple[int, int], int] = {}
    for step in range(60):
        rows = data.mixture.rows(step, 50, 0, 50)
        assert (rows.expiries > step * 50).all()
        for epoch, block, expiry in zip(
            rows.epochs.tolist(), rows.blocks.tolist(), rows.expiries.tolist(), strict=True
        ):
            assert expiries.setdefault((epoch, block), expiry) == expiry


def test_several_weighted_sources(made: tuple[Path, list[Any]], tmp_path: Path) -> None:
    directory, _ = made
    second = write_balanced(tmp_path / "b", zipf_samples(200, 300, seed=4), 300)
    data = open_balanced(tmp_path / "run", directory / "a", second, cap=CAP, weights=[1, 2])
    sizes = [order.epoch_samples for order in data.mixture.orders]
    assert data.mixture.places_before(10_000)[0] == 10_000 * sizes[0] // (sizes[0] + 2 * sizes[1])
    whole = sequence(data, range(20), 60)
    assert sequence(data, range(20), 60, 7) == whole
    for source in (0, 1):
        own = [row[1:] for row in whole if row[0] == source]
        assert len(set(own)) == len(own)
        first_epoch = [number for epoch, number in own if epoch == 0]
        assert set(first_epoch) <= set(range(data.sources[source].num_samples))


def test_a_few_expected_samples_leave_epochs_without_any(tmp_path: Path) -> None:
    shards = write_balanced(tmp_path / "a", [[[0]]] * 300, 1)
    data = open_balanced(tmp_path / "run", shards, cap=1)
    assert data.epoch_samples == 1
    rows = sequence(data, range(10), 20)
    sizes = data.mixture.orders[0].epoch_sizes(200)
    assert 0 in sizes
    assert [sum(epoch == one for _, epoch, _ in rows) for one in range(len(sizes) - 1)] == sizes[:-1]
    assert sequence(data, range(10), 20, 3) == rows


def test_a_mix_that_is_empty_is_an_error(tmp_path: Path) -> None:
    shards = write_balanced(tmp_path / "a", [[[]]] * 30, 1)
    with pytest.raises(ValueError, match=r"an empty mix: of 30 samples in .* no one is expected .* with --cap 1:"):
        open_balanced(tmp_path / "run", shards, cap=1)


def test_stored_bits_are_those_that_are_drawn(made: tuple[Path, list[Any]], tmp_path: Path) -> None:
    directory, _ = made
    plain = sequence(open_balanced(directory / "run", directory / "a", cap=CAP), range(30), 83)
    first = open_balanced(tmp_path / "run", directory / "a", cap=CAP, stores=True, stored_samples=1)
    assert sequence(first, range(30), 83) == plain
    ahead = drawn(first)._ahead
    assert ahead is not None
    ahead.join()
    last = plain[-1][1]
    names = [path.name for path in sorted((tmp_path / "run").glob("*.bits"))]
    assert names == [f"drawn-0-{epoch:05d}.bits" for epoch in range(last + 2)], "one ahead"
    (tmp_path / "run" / "chances.bin").unlink()
    other = open_balanced(tmp_path / "run", directory / "a", cap=CAP, stored_samples=1)
    assert sequence(other, range(3, 30), 83, 3) == plain[3 * 83 :], "read, not drawn"


def test_another_worker_draws_what_is_not_stored_yet(made: tuple[Path, list[Any]], tmp_path: Path) -> None:
    directory, _ = made
    plain = sequence(open_balanced(directory / "run", directory / "a", cap=CAP), range(30), 83)
    first = open_balanced(tmp_path / "run", directory / "a", cap=CAP, stores=True, stored_samples=1)
    drawn(first).store(1)
    other = open_balanced(tmp_path / "run", directory / "a", cap=CAP, stored_samples=1)
    assert sequence(other, range(30), 83) == plain
    assert sorted(path.name[8:13] for path in (tmp_path / "run").glob("*.bits")) == ["00000", "00001"]


@pytest.mark.parametrize("damage", ["cut", "count", "bits"])
def test_stored_bits_that_were_changed_are_an_error(made: tuple[Path, list[Any]], tmp_path: Path, damage: str) -> None:
    directory, _ = made
    data = open_balanced(tmp_path / "run", directory / "a", cap=CAP, stores=True, stored_samples=1)
    path = tmp_path / "run" / "drawn-0-00000.bits"
    body = bytearray(path.read_bytes())
    if damage == "count":
        body[0] ^= 1
    else:
        body[-2] ^= 1
    path.write_bytes(body[:-1] if damage == "cut" else body)
    with pytest.raises(ValueError, match=r"drawn-0-00000\.bits: .*; expected 8 bytes and a bit for each of 1500"):
        data.mixture.rows(0, 10, 0, 10)


def test_a_full_disk_ends_no_run(
    made: tuple[Path, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    directory, _ = made
    plain = sequence(open_balanced(directory / "run", directory / "a", cap=CAP), range(30), 83)
    data = open_balanced(tmp_path / "run", directory / "a", cap=CAP, stores=True, stored_samples=1)

    def full(self: DrawnEpochs, epoch: int, found: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DrawnEpochs, "_write", full)
    with caplog.at_level(logging.WARNING):
        assert sequence(data, range(30), 83) == plain
        ahead = drawn(data)._ahead
        assert ahead is not None
        ahead.join()
    assert "cannot be stored, each worker draws them: [Errno 28] No space left on device" in caplog.text


def test_other_shards_than_the_chances_are_refused(made: tuple[Path, list[Any]], tmp_path: Path) -> None:
    directory, _ = made
    index = prepare(tmp_path / "run", write_balanced(tmp_path / "b", [[[0]]] * 20, 1), cap=1)
    with pytest.raises(ValueError, match="chances of 20 samples, the shards have 1500"):
        open_shards(directory / "a", balanced=Balanced(index))


def test_bits_on_an_object_store(made: tuple[Path, list[Any]], tmp_path: Path) -> None:
    directory, _ = made
    plain = sequence(open_balanced(directory / "run", directory / "a", cap=CAP), range(10), 83)
    here, store = Folder(str(directory / "run")), Folder("memory://drawn-run")
    for name in ("chances.bin", "expected.json"):
        store.write(name, here.read(name))
    for stores in (True, False):
        balanced = Balanced(store, stores=stores, stored_samples=1)
        assert sequence(open_shards(directory / "a", balanced=balanced), range(10), 83) == plain
