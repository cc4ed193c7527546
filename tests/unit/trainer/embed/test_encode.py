"""A part through the encoders: order kept, faults apart, each row as it is alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from tests.support.small_model import write_small_model
from tests.support.small_shards import picture
from trainer.embed.encode import BATCHES_AHEAD, encode_part
from trainer.embed.items import Item
from trainer.use.load import Loaded, load


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    torch.set_num_threads(1)
    return load(write_small_model(tmp_path_factory.mktemp("encode")), device="cpu")


def made(num: int) -> list[Item]:
    return [
        Item(str(n), picture(n) if n % 5 else b"broken", f"{'red ' * (n % 4)}picture {n}" if n % 3 else None)
        for n in range(num)
    ]


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_rows_are_what_they_are_alone(loaded: Loaded, batch_size: int) -> None:
    items, told = made(23), []
    with ThreadPoolExecutor(3) as pool:
        part = encode_part(
            loaded.model, loaded.tokenizer, items, pool, batch_size, has_images=True, has_texts=True,
            progress=told.append,
        )  # fmt: skip
    assert [item.id for item in part.items] == [item.id for item in items if int(item.id) % 5]
    assert [name for name, _ in part.faults] == ["0", "5", "10", "15", "20"]
    assert sum(told) == 23
    assert part.images_NE is not None
    assert part.texts_NE is not None
    for row, item in enumerate(part.items):
        own = loaded.model.encode_images(loaded.preprocess(picture(int(item.id)))[None])[0].numpy()
        np.testing.assert_allclose(part.images_NE[row], own, atol=1e-6)
        if item.caption is None:
            assert not part.texts_NE[row].any()
        else:
            own = loaded.model.encode_texts(loaded.tokenizer.encode([item.caption]))[0].numpy()
            np.testing.assert_allclose(part.texts_NE[row], own, atol=1e-6)


def test_no_more_is_read_ahead_than_it_says(loaded: Loaded) -> None:
    read, encoded = [0], [0]

    def items() -> Iterator[Item]:
        for item in made(40):
            read[0] += 1
            assert read[0] - encoded[0] <= BATCHES_AHEAD * 4 + 1
            yield item

    def progress(rows: int) -> None:
        encoded[0] += rows

    with ThreadPoolExecutor(2) as pool:
        encode_part(
            loaded.model, loaded.tokenizer, items(), pool, 4, has_images=True, has_texts=False, progress=progress
        )
    assert encoded == [40]


def test_texts_alone_decode_no_image(loaded: Loaded) -> None:
    with ThreadPoolExecutor(1) as pool:
        part = encode_part(loaded.model, loaded.tokenizer, made(6), pool, 2, has_images=False, has_texts=True)
    assert part.images_NE is None
    assert len(part.items) == 6
