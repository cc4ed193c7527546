"""Features of images: those of the encoder, in the order of the paths; broken ones are told and left out."""

from pathlib import Path

import pytest
import torch

import trainer
from tests.support.small_model import write_pictures, write_small_model
from trainer.evaluate.embedded.image_features import image_features
from trainer.evaluate.embedded.options import Layer


@pytest.mark.parametrize("layer", ["embedding", "before-projection"])
def test_rows_are_those_of_the_encoder_one_by_one(tmp_path: Path, layer: Layer) -> None:
    model, preprocess, _ = trainer.load(write_small_model(tmp_path), device="cpu")
    root = Path(write_pictures(tmp_path / "images", range(6)))
    (root / "broken.jpg").write_bytes(b"broken")
    paths = ["broken.jpg", *sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))]
    found = image_features(
        model, paths, lambda place: (root / paths[place]).read_bytes(), layer, batch_size=4, threads=2
    )
    assert found.places_N.tolist() == [1, 2, 3, 4, 5, 6]
    assert len(found.skipped) == 1
    assert found.skipped[0].startswith("broken.jpg: ")
    encode = model.encode_images if layer == "embedding" else model.encode_images_before_projection
    for row, path in zip(found.features_NE, paths[1:], strict=True):
        torch.testing.assert_close(row, encode(preprocess(root / path)[None])[0], atol=1e-5, rtol=1e-5)


def test_of_no_image_there_is_no_row(tmp_path: Path) -> None:
    model, _, _ = trainer.load(write_small_model(tmp_path), device="cpu")
    found = image_features(model, ["broken.jpg"], lambda _: b"broken", "embedding", batch_size=4, threads=1)
    assert (len(found.features_NE), len(found.places_N), len(found.skipped)) == (0, 0, 1)
