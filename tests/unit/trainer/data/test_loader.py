"""Batches: the same for any workers, threads, caches and bytes read ahead; broken samples replaced by rule."""

import io
import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.opened_shards import make_loader, one_batch, open_shards
from tests.support.removals import write_removals
from tests.support.shard_server import HANGS, serving
from tests.support.small_shards import captions, picture, write_shards, write_tar
from tests.support.waiting import wait_until
from trainer.data.loader import Batch
from trainer.data.read.captions import parse_rule
from trainer.tokenizer import train_tokenizer
from trainer.workers.distributed import local_rows

TOKENIZER = train_tokenizer([text for number in range(60) for text in captions(number)], vocab_size=600,
                            context_length=24)  # fmt: skip


def equal(left: Batch, parts: list[Batch]) -> bool:
    images = np.concatenate([part.images_b3PP.numpy() for part in parts])
    texts = [tokens for part in parts for tokens in part.texts.to_lists()]
    ids = np.concatenate([part.ids for part in parts])
    return bool(
        (left.images_b3PP.numpy() == images).all() and left.texts.to_lists() == texts and (left.ids == ids).all()
    )  # fmt: skip


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("weights", [(), (1, 2)], ids=["one source", "two"])
def test_global_batches_do_not_depend_on_the_workers(tmp_path: Path, size: int, weights: tuple[int, ...]) -> None:
    folders = [write_shards(tmp_path / "a", 40), write_shards(tmp_path / "b", 10)]
    loader = make_loader(open_shards(*folders, weights=weights), TOKENIZER)
    for step in (0, 3, 7):
        parts = [one_batch(loader, step, 13, *local_rows(13, rank, size)) for rank in range(size)]
        assert equal(one_batch(loader, step, 13), parts)
    loader.close()


def test_how_it_is_read_changes_nothing(tmp_path: Path) -> None:
    directory = write_shards(tmp_path, 700, per_shard=300)
    ways = [
        make_loader(open_shards(directory), TOKENIZER, cache_bytes=size, threads=threads, read_ahead_bytes=ahead)
        for size, threads, ahead in ((2**24, 2, 1 << 20), (0, 1, 0), (0, 3, 1 << 30))
    ]
    made = [list(loader.batches(range(2, 22), 50, 0, 50)) for loader in ways]
    for others in made[1:]:
        assert all(equal(first, [other]) for first, other in zip(made[0], others, strict=True))
    for loader in ways:
        loader.close()


def test_going_on_anywhere_gives_the_same_batches(tmp_path: Path) -> None:
    directory = write_shards(tmp_path, 100)
    whole = list(make_loader(open_shards(directory, pool=512), TOKENIZER).batches(range(20), 9, 0, 9))
    for start in (0, 1, 11, 19):
        rest = make_loader(open_shards(directory, pool=512), TOKENIZER).batches(range(start, 20), 9, 0, 9)
        assert all(equal(batch, [again]) for batch, again in zip(whole[start:], rest, strict=True))


def test_every_sample_comes_once_an_epoch(tmp_path: Path) -> None:
    loader = make_loader(open_shards(write_shards(tmp_path, 96)), TOKENIZER)
    ids = np.concatenate([batch.ids for batch in loader.batches(range(8), 24, 0, 24)])
    assert sorted(ids[:96].tolist()) == sorted(ids[96:].tolist()) == list(range(96))


def test_blocks_are_given_up(tmp_path: Path) -> None:
    data = open_shards(write_shards(tmp_path, 1_500, per_shard=500), pool=512)
    loader = make_loader(data, TOKENIZER)
    most = 0
    for _ in loader.batches(range(90), 32, 0, 32):
        most = max(most, len(loader._maker.blocks))
    assert len(loader._maker.blocks) < len(data.sources[0].blocks) or most <= len(data.sources[0].blocks)
    loader.close()


def test_rows_know_their_places_in_the_run(tmp_path: Path) -> None:
    loader = make_loader(open_shards(write_shards(tmp_path, 20)), TOKENIZER)
    places = [batch.places().tolist() for batch in loader.batches([3, 4], 8, 2, 5)]
    assert places == [[26, 27, 28], [34, 35, 36]]


def test_broken_samples_are_replaced_counted_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loader = make_loader(open_shards(write_shards(tmp_path, 20, per_shard=20, broken=(3, 4, 19))), TOKENIZER)
    with caplog.at_level(logging.WARNING):
        batch, again = one_batch(loader, 0, 20), one_batch(loader, 0, 20)
        later = one_batch(loader, 1, 20)
    assert (batch.replaced, later.replaced) == (3, 3)
    assert equal(batch, [again])
    assert sorted(batch.ids.tolist()) == list(range(20))
    of_sample = {int(number): row for row, number in enumerate(batch.ids)}
    texts = {number: batch.texts.to_lists()[row] for number, row in of_sample.items()}
    for own, used in ((3, 5), (4, 5), (19, 0)):
        assert texts[own] in TOKENIZER.encode(captions(used)).to_lists()
    assert caplog.text.count("replaced") == 3


def test_samples_without_caption_and_removed_ones_are_replaced(tmp_path: Path) -> None:
    members = []
    for key, caption in (("a", b"a cat"), ("b", b" "), ("c", None), ("d", b"a dog")):
        members.append((f"{key}.png", picture(0)))
        if caption is not None:
            members.append((f"{key}.txt", caption))
    write_tar(tmp_path / "0.tar", members)
    loader = make_loader(open_shards(tmp_path), TOKENIZER)
    assert one_batch(loader, 0, 4).replaced == 2
    write_removals(tmp_path, {"key": "d"})
    removing = make_loader(open_shards(tmp_path), TOKENIZER)
    batch = one_batch(removing, 0, 4)
    assert batch.replaced == 3
    assert len(set(map(tuple, batch.texts.to_lists()))) == 1


def test_stored_images_are_cropped_and_small_ones_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sides = {"a": 40, "b": 31, "c": 32}
    for key, side_px in sides.items():
        members = [(f"{key}.png", picture(ord(key), side_px)), (f"{key}.txt", b"a cat")]
        write_tar(tmp_path / f"{key}.tar", members)
    loader = make_loader(open_shards(tmp_path), TOKENIZER, cache_bytes=1 << 30, is_stored=True)
    batch = one_batch(loader, 0, 3)
    assert batch.replaced == 1
    assert "sample b of" in caplog.text
    assert "is smaller than the model's 32 pixels; replaced" in caplog.text
    whole = np.asarray(Image.open(io.BytesIO(picture(ord("c"), 32)))).transpose(2, 0, 1)
    assert any((image == whole).all() for image in batch.images_b3PP.numpy())


def test_captions_of_later_rounds_are_taken(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", [("a.png", picture(0)), ("a.txt", b"a cat")])
    loader = make_loader(open_shards(tmp_path), TOKENIZER, further=lambda key: [f"further words of {key}"])
    ends = [int(batch.texts.lengths[0]) for batch in loader.batches(range(6), 1, 0, 1)]
    assert len(set(ends)) == 2
    assert ends[:2] * 3 == ends, "each of the two once in two epochs"


def test_only_broken_samples_end_the_run(tmp_path: Path) -> None:
    loader = make_loader(open_shards(write_shards(tmp_path, 4, broken=(0, 1, 2, 3))), TOKENIZER)
    with pytest.raises(ValueError, match=r"00000\.tar, .*: 4 samples in a row cannot be used, .* does not decode"):
        one_batch(loader, 0, 4)


@pytest.mark.parametrize("processes", [0, 2])
def test_of_many_unusable_samples_the_first_twenty_are_told(
    tmp_path: Path, processes: int, caplog: pytest.LogCaptureFixture
) -> None:
    loader = make_loader(
        open_shards(write_shards(tmp_path, 80, broken=tuple(range(0, 80, 2)))), TOKENIZER, processes=processes
    )
    with caplog.at_level(logging.WARNING):
        assert one_batch(loader, 0, 80).replaced == 40
    assert caplog.text.count("does not decode; replaced") == 20
    assert caplog.text.count("more than 20 samples cannot be used: further ones are replaced and counted only") == 1


def test_the_error_of_unusable_samples_names_the_members_that_hold_no_caption(tmp_path: Path) -> None:
    data = open_shards(write_shards(tmp_path, 4), rules=[parse_rule("alt=1,zzz=2")])
    with pytest.raises(ValueError, match="because it has no caption in a member alt or zzz of its json; check --capt"):
        one_batch(make_loader(data, TOKENIZER), 0, 4)


def test_the_error_of_unusable_samples_tells_what_is_wrong_with_the_first(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", [("a.png", picture(0)), ("b.png", picture(1)[:30]), ("b.txt", b"a cat")])
    data = open_shards(tmp_path)
    loader, faults = make_loader(data, TOKENIZER), ("has no caption", "does not decode")
    first = int(data.mixture.rows(0, 1, 0, 1).samples[0])
    told = rf"0\.tar, bytes 0 to \d+: 2 samples in a row cannot be used, the first because it {faults[first]}"
    with pytest.raises(ValueError, match=told):
        one_batch(loader, 0, 1)


def test_a_block_of_broken_samples_gives_its_rows_to_the_next(tmp_path: Path) -> None:
    loader = make_loader(open_shards(write_shards(tmp_path, 32, per_shard=16, broken=tuple(range(16)))), TOKENIZER)
    assert one_batch(loader, 0, 32).replaced == 16


def test_captions_of_an_image_change_between_epochs(tmp_path: Path) -> None:
    loader = make_loader(open_shards(write_shards(tmp_path, 3)), TOKENIZER)
    lengths = []
    for batch in loader.batches(range(6), 3, 0, 3):
        lengths.append(int(batch.texts.lengths[batch.ids.tolist().index(2)]))
    assert len(set(lengths[:3])) == 3
    assert lengths[:3] == lengths[3:]


def test_a_shard_that_vanished_is_an_error_that_names_it(tmp_path: Path) -> None:
    loader = make_loader(open_shards(write_shards(tmp_path, 20)), TOKENIZER)
    (tmp_path / "00001.tar").unlink()
    with pytest.raises(FileNotFoundError, match=r"00001\.tar: the shard was there when the run began and is gone"):
        list(loader.batches(range(3), 20, 0, 20))


@pytest.mark.parametrize("left", [0, 1_000])
def test_a_shard_that_is_cut_while_it_is_read_is_an_error_that_names_it(tmp_path: Path, left: int) -> None:
    loader = make_loader(open_shards(write_shards(tmp_path, 20, per_shard=20)), TOKENIZER, threads=1)
    batches = loader.batches(range(100), 5, 0, 5)
    next(batches)
    os.truncate(tmp_path / "00000.tar", left)
    with pytest.raises(ValueError, match=r"00000\.tar, bytes 0 to \d+: the file ends at byte \d+, .* it was cut"):
        list(batches)
    loader.close()


def test_a_tar_that_is_another_is_an_error_that_names_it(tmp_path: Path) -> None:
    loader = make_loader(open_shards(write_shards(tmp_path, 20)), TOKENIZER)
    path = tmp_path / "00000.tar"
    size = path.stat().st_size
    write_tar(path, [(f"x{number:05d}.png", picture(0)) for number in range(3)])
    path.write_bytes(path.read_bytes().ljust(size, b"\0"))
    with pytest.raises(ValueError, match=r"00000\.tar, bytes 0 to \d+: 3 samples, the index says 16"):
        list(loader.batches(range(3), 20, 0, 20))


def test_a_loop_that_stops_waits_for_no_server(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, 1_200, per_shard=100)
    answers = {"hang": False}
    with serving(folder, plan=lambda name, number: HANGS * answers["hang"]) as server:
        loader = make_loader(open_shards(server.url, pool=512), TOKENIZER, read_ahead_bytes=1)
        batches = loader.batches(range(1_000), 16, 0, 16)
        next(batches)
        answers["hang"] = True
        before = len(server.ranges)
        wait_until(lambda: len(server.ranges) > before or next(batches) is None, "a request that is not answered")
        batches.close()
        answers["hang"] = False
        assert len(next(loader.batches([30], 16, 0, 16)).ids) == 16
        loader.close()


def test_removals_hold_for_their_folder_alone_by_key_image_and_fetched_bytes(tmp_path: Path) -> None:
    """The same keys stand in both folders."""
    sha256 = "ab" * 32
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        members = []
        for key in ("x/1", "0" * 32, "c", "d"):
            members.append((f"./{key}.png", picture(0)))
            body = {"caption": f"{name} {key}", "sha256": sha256 if key == "c" else "00" * 32}
            members.append((f"./{key}.json", json.dumps(body).encode()))
        write_tar(folder / "0.tar", members)
    write_removals(tmp_path / "a", {"key": "x/1"}, {"image_id": bytes(16)}, {"sha256": sha256})
    for weights in ((), (1, 1)):
        batch = one_batch(make_loader(open_shards(tmp_path / "a", tmp_path / "b", weights=weights), TOKENIZER), 0, 8)
        assert batch.replaced == 3
        assert sorted(batch.captions) == sorted(["a d"] * 4 + ["b x/1", "b " + "0" * 32, "b c", "b d"])
