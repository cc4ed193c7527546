"""Recall among held-out samples, against a plain count; what cannot be used takes no part."""

from pathlib import Path

import numpy as np
import pytest
import torch

from schemas.storage import Folder
from tests.support.small_shards import captions, picture, write_shards
from trainer.data.open_data import open_data, open_folders, prepare_indexes, read_indexes
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.transforms import decode_centre
from trainer.evaluate.measures import RETRIEVAL
from trainer.evaluate.retrieval import Retrieval, _found
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig, ViTConfig
from trainer.tokenizer import train_tokenizer
from trainer.workers.distributed import World

TOKENIZER = train_tokenizer(["a red picture", "a green picture"], vocab_size=560, context_length=12)
CONFIG = ModelConfig(
    embed_dim=16,
    image=ViTConfig(image_px=32, patch_px=8, width=32, layers=1, heads=4),
    text=TextConfig(width=32, layers=1, heads=4, context_length=12, vocab_size=TOKENIZER.vocab_size),
)
ONE = World(0, 1, torch.device("cpu"))


def opened(tmp_path: Path, num_samples: int, **options: tuple[int, ...]) -> Retrieval:
    write_shards(tmp_path / "shards", 40, **options)
    folders, own = open_folders([str(tmp_path / "shards")]), Folder(str(tmp_path / "own"))
    prepare_indexes(folders, own, 1)
    data = open_data(folders, read_indexes(folders, own), seed=0, pool=1)
    return Retrieval(data, BlockBytes(None, 10.0), num_samples)


@pytest.mark.parametrize("batch_size", [7, 64])
def test_recalls_are_those_of_a_plain_count(tmp_path: Path, batch_size: int) -> None:
    torch.manual_seed(0)
    model = CLIP(CONFIG).eval()
    found = opened(tmp_path, 25, broken=(3, 30)).measure(model, TOKENIZER, ONE, batch_size=batch_size, threads=2)
    used = [number for number in range(25) if number != 3]
    with torch.no_grad():
        images = torch.from_numpy(np.stack([decode_centre(picture(number), 32) for number in used]))
        image_NE = model.encode_images(images)
        text_NE = model.encode_texts(TOKENIZER.encode([captions(number)[0] for number in used]))
    cosines = image_NE @ text_NE.T
    wanted = []
    for way in (cosines, cosines.T):
        own = way.diagonal()[:, None]
        ranks = (way > own + 1e-5).sum(dim=1)
        wanted += [float((ranks < k).double().mean()) for k in (1, 5, 10)]
    assert found == pytest.approx(dict(zip(RETRIEVAL, wanted, strict=True)))
    assert found["image_to_text_r1"] <= found["image_to_text_r5"] <= found["image_to_text_r10"]


def test_ranks_by_hand() -> None:
    from_NE = torch.eye(12)
    to_NE = torch.eye(12)
    to_NE[0] = from_NE[1] * 0.5  # nothing is near image 0; its caption is nearer to image 1, but not the nearest
    assert _found(from_NE, to_NE, torch.arange(12)).tolist() == [12, 12, 12]
    to_NE[2] = -from_NE[2]  # ten others are at 0: nearer than its own
    assert _found(from_NE, to_NE, torch.arange(12)).tolist() == [11, 11, 11]


def test_too_few_samples_are_an_error(tmp_path: Path) -> None:
    retrieval = opened(tmp_path, 2, broken=(0, 1))
    with pytest.raises(ValueError, match="evaluate_shards: 0 of 2 samples can be used"):
        retrieval.measure(CLIP(CONFIG).eval(), TOKENIZER, ONE, batch_size=4, threads=1)
