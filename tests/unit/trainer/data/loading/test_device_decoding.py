"""Batches whose JPEGs a device decodes: the loader's own in all but two levels, whatever the shards hold."""

import io
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.jpeg_decoders import DECODERS
from tests.support.opened_shards import open_shards
from tests.support.small_shards import captions, picture, write_tar
from tests.unit.trainer.data.loading.test_processes import TOKENIZER
from trainer.data.batch import Batch
from trainer.data.data_set import DataSet
from trainer.data.decode.device import DeviceDecoder
from trainer.data.loader import Loader
from trainer.data.loading.device_decoding import DeviceDecodingLoader
from trainer.data.row_reader import RowReader

CPU = torch.device("cpu")
NUM_SAMPLES, BATCH, STEPS, PX = 48, 12, 9, 32
BROKEN = {4: "huffman", 5: "cut", 17: "huffman", 18: "huffman", 30: "empty"}
"""`huffman`: a header that is usual, and a table of codes that says nothing: only decoding shows it."""


def image(number: int) -> bytes:
    """Return a picture: mostly JPEG, with all that a device does not take in between."""
    if number % 5 == 3:
        return picture(number, 40, "PNG")
    sink, options = io.BytesIO(), {}
    opened = Image.open(io.BytesIO(picture(number, 40 + number)))
    if number % 7 == 2:
        opened = opened.convert("CMYK")
    if number % 7 == 4:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = 1 + number % 8
    opened.save(sink, "JPEG", quality=95, **options)
    data = sink.getvalue()
    damage = BROKEN.get(number)
    at = data.index(b"\xff\xc4")
    damaged = {"huffman": data[: at + 5] + bytes(16) + data[at + 21 :], "cut": data[: len(data) // 2], "empty": b""}
    return damaged[damage] if damage else data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    folder = tmp_path_factory.mktemp("shards")
    members = []
    for number in range(NUM_SAMPLES):
        members += [(f"{number:06d}.jpg", image(number)), (f"{number:06d}.txt", captions(number)[-1].encode())]
    write_tar(folder / "00000.tar", members)
    return open_shards(folder)


def loader(data: DataSet, hands_over: bool, processes: int = 0) -> Loader:
    reader = RowReader(data, image_px=PX, hands_over=hands_over)
    return Loader(data, reader, TOKENIZER, decode_threads=2, read_ahead_bytes=1 << 20, processes=processes)


def on_device(data: DataSet, processes: int = 0, decoder: str = "libjpeg-turbo") -> DeviceDecodingLoader:
    by = DeviceDecoder(CPU, PX, DECODERS[decoder]())
    return DeviceDecodingLoader(loader(data, True, processes), loader(data, False), by, CPU)


def check_equal(found: Batch, wanted: Batch) -> None:
    assert found.files_bF is None
    assert found.ids.tolist() == wanted.ids.tolist()
    assert (found.captions, found.replaced) == (wanted.captions, wanted.replaced)
    assert found.texts.to_lists() == wanted.texts.to_lists()
    assert (found.images_b3PP.int() - wanted.images_b3PP.int()).abs().max() <= 2


@pytest.mark.parametrize(("processes", "decoder"), [(0, "torchcodec"), (0, "libjpeg-turbo"), (1, "libjpeg-turbo")])
def test_batches_are_those_of_the_processor(data: DataSet, processes: int, decoder: str) -> None:
    with closing(on_device(data, processes, decoder)) as device, closing(loader(data, False)) as plain:
        found = list(device.batches(range(STEPS), BATCH, 3, 11))
        wanted = list(plain.batches(range(STEPS), BATCH, 3, 11))
        assert len(found) == len(wanted) == STEPS
        assert sum(batch.replaced for batch in wanted) > 3
        for one, other in zip(found, wanted, strict=True):
            check_equal(one, other)


def test_the_loader_hands_over_files_and_pixels(data: DataSet) -> None:
    with closing(loader(data, True)) as made:
        batch = next(made.batches([0], NUM_SAMPLES, 0, NUM_SAMPLES))
    assert batch.files_bF is not None
    num_bytes = batch.files_bF[:, 0]
    assert 0 < np.count_nonzero(num_bytes) < NUM_SAMPLES
    rooms = batch.images_b3PP.reshape(NUM_SAMPLES, -1).numpy()
    starts = {bytes(room[:2]) for room, size in zip(rooms, num_bytes, strict=True) if size}
    assert starts == {b"\xff\xd8"}


def test_an_error_of_the_loader_is_raised_and_an_early_end_ends_all(data: DataSet, tmp_path: Path) -> None:
    with closing(on_device(data)) as device:
        batches = device.batches(range(10_000), BATCH, 0, BATCH)
        next(batches)
        batches.close()
    write_tar(tmp_path / "00000.tar", [("a.jpg", b"no picture"), ("a.txt", b"a")])
    with closing(on_device(open_shards(tmp_path))) as device:
        with pytest.raises(ValueError, match="samples in a row cannot be used"):
            next(device.batches([0], 1, 0, 1))
