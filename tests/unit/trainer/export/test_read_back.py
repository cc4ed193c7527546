"""Exports opened by transformers' and our own code: features and ids are those of the model that was written."""

from pathlib import Path

import pytest
import torch

from schemas.storage import Folder
from tests.support.exported import GEOMETRIES, read_drawn
from trainer.export.compare import BATCHES, compare
from trainer.export.probes import NUM_IMAGES, probe_images, probe_texts
from trainer.export.read_back import OurReader, TransformersReader, until_eos
from trainer.export.write_folder import write_for_transformers, write_for_us
from trainer.use.load import frozen


@pytest.mark.parametrize("geometry", ["vit", "odd", "mixed", "sigmoid"])
def test_transformers_gives_our_features(tmp_path: Path, geometry: str) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")
    read = read_drawn(tmp_path, GEOMETRIES[geometry])
    write_for_transformers(Folder(str(tmp_path / "theirs")), read)
    found = compare(frozen(read, torch.device("cpu"), None), TransformersReader(str(tmp_path / "theirs")))
    assert found.title == f"transformers {transformers.__version__}"
    assert 0 <= found.images < 1e-5
    assert 0 <= found.texts < 1e-5
    assert (found.num_images, found.num_texts) == (NUM_IMAGES, len(probe_texts()))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_our_own_files_give_equal_features(tmp_path: Path, geometry: str) -> None:
    read = read_drawn(tmp_path, GEOMETRIES[geometry])
    write_for_us(Folder(str(tmp_path / "ours")), read)
    found = compare(frozen(read, torch.device("cpu"), None), OurReader(str(tmp_path / "ours")))
    assert (found.images, found.texts) == (0.0, 0.0)


def test_probes_are_the_same_at_each_call() -> None:
    assert torch.equal(probe_images(8), probe_images(8))
    assert probe_texts() == probe_texts()
    assert "" in probe_texts()
    assert max(BATCHES) <= min(NUM_IMAGES, len(probe_texts()))


def test_padding_is_left_out() -> None:
    assert until_eos([[1, 5, 9, 9, 0], [1, 9], [1, 2]], 9) == [[1, 5, 9], [1, 9], [1, 2]]
