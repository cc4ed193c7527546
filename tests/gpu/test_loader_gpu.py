"""The loader beside a CUDA GPU: its memory is pinned, copies need not wait, and nvJPEG decodes what it hands over."""

import csv
import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.opened_shards import open_shards
from tests.support.small_shards import captions, picture, write_shards, write_tar
from tests.unit.trainer.data.loading.test_processes import TOKENIZER
from trainer.config import TrainConfig
from trainer.data.data_set import DataSet
from trainer.data.decode.device import DeviceDecoder
from trainer.data.loader import Loader
from trainer.data.loading.device_decoding import DeviceDecodingLoader
from trainer.data.row_reader import RowReader
from trainer.loop import train
from trainer.telling.reporter import Silent
from trainer.workers.distributed import join_world

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]
PX, BATCH, STEPS = 32, 16, 12


def loader(data: DataSet, processes: int, hands_over: bool = False, pinned: bool = True) -> Loader:
    reader = RowReader(data, image_px=PX, hands_over=hands_over)
    return Loader(
        data, reader, TOKENIZER, decode_threads=2, read_ahead_bytes=1 << 20, processes=processes, pinned=pinned
    )


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_batches_are_pinned_and_copied_without_waiting(tmp_path: Path, processes: int) -> None:
    data = open_shards(write_shards(tmp_path, 64))
    with closing(loader(data, 0, pinned=False)) as plain:
        wanted = [batch.images_b3PP for batch in plain.batches(range(STEPS), BATCH, 0, BATCH)]
    found = []
    with closing(loader(data, processes)) as made:
        for batch in made.batches(range(STEPS), BATCH, 0, BATCH):
            assert batch.images_b3PP.is_pinned()
            torch.cuda._sleep(20_000_000)  # the copy is still to come when the next slot is asked for
            found.append(batch.images_b3PP.to("cuda", non_blocking=True))
    assert all(torch.equal(one.cpu(), other) for one, other in zip(found, wanted, strict=True))


def test_a_ring_is_registered_again_after_it_was_given_back(tmp_path: Path) -> None:
    data = open_shards(write_shards(tmp_path, 32))
    with closing(loader(data, 1)) as made:
        for _ in range(2):
            assert all(batch.images_b3PP.is_pinned() for batch in made.batches(range(3), BATCH, 0, BATCH))


def write_jpegs(folder: Path, subsampling: int) -> DataSet:
    members = []
    for number in range(48):
        sink = io.BytesIO()
        Image.open(io.BytesIO(picture(number, 40 + number))).save(sink, "JPEG", quality=95, subsampling=subsampling)
        data = sink.getvalue() if number % 6 else picture(number, 40)
        at = data.find(b"\xff\xc4") if number == 31 else -1
        data = data if at < 0 else data[: at + 5] + bytes(16) + data[at + 21 :]  # only decoding shows that it is broken
        members += [(f"{number:06d}.jpg", data), (f"{number:06d}.txt", captions(number)[-1].encode())]
    folder.mkdir(exist_ok=True)
    write_tar(folder / "00000.tar", members)
    return open_shards(folder)


@pytest.mark.parametrize(
    ("subsampling", "within"),
    [
        pytest.param(0, lambda levels: np.quantile(levels, 0.999) <= 2 and levels.mean() < 0.5, id="4:4:4"),
        pytest.param(2, lambda levels: levels.mean() < 2, id="4:2:0, whose chroma nvJPEG repeats, not interpolates"),
    ],
)
@pytest.mark.parametrize("processes", [0, 1])
def test_nvjpegs_batches_are_close_to_the_processors(
    tmp_path: Path, subsampling: int, within: Callable[[np.ndarray], bool], processes: int
) -> None:
    pytest.importorskip("torchcodec", reason="extra decode-gpu")
    data, device = write_jpegs(tmp_path / "shards", subsampling), torch.device("cuda")
    made = DeviceDecodingLoader(
        loader(data, processes, hands_over=True), loader(data, 0), DeviceDecoder(device, PX), device
    )  # fmt: skip
    with closing(made), closing(loader(data, 0)) as plain:
        pairs = zip(
            made.batches(range(STEPS), BATCH, 0, BATCH), plain.batches(range(STEPS), BATCH, 0, BATCH), strict=True
        )
        for found, wanted in pairs:
            assert found.images_b3PP.device.type == "cuda"
            assert (found.captions, found.replaced) == (wanted.captions, wanted.replaced)
            assert within((found.images_b3PP.cpu().int() - wanted.images_b3PP.int()).abs().numpy())


def test_a_training_with_it_resumes_exactly(tmp_path: Path) -> None:
    pytest.importorskip("torchcodec", reason="extra decode-gpu")
    write_jpegs(tmp_path / "shards", 0)
    curves = []
    for name, stop in (("whole", None), ("parts", 5)):
        config = TrainConfig(
            shards=(str(tmp_path / "shards"),), output=str(tmp_path / name), model="vit-tiny", epochs=2.0,
            global_batch_size=8, warmup_steps=2, log_every_steps=1, decode="gpu", stop_after_steps=stop,
        )  # fmt: skip
        for _ in range(3 if stop else 1):
            train(config, join_world(use_gpu=True), Silent())
        curves.append([float(row["loss"]) for row in csv.DictReader((tmp_path / name / "metrics.csv").open())])
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)
