"""Features of videos on disk: found again, made anew when anything that makes them is another, or they are damaged."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.small_model import write_small_model
from trainer.use.load import load
from trainer.video.feature_cache import FeatureCache, file_sha256
from trainer.video.features import Sampling, VideoFeatures

SAMPLING = Sampling(every_s=0.5, scenes=False, key_frames=False, max_hours=1.0)
MADE = VideoFeatures(
    features_NE=np.eye(3, 16, dtype=np.float32), ticks_N=np.array([0, 512, 1_024]), times_N=np.array([0.0, 0.5, 1.0]),
    num_decoded=31, num_broken=2, missing_s=1.5, is_stopped=True,
)  # fmt: skip


class Maker:
    """Gives the features and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> VideoFeatures:
        self.times += 1
        return MADE


def assert_same(found: VideoFeatures) -> None:
    for field in fields(MADE):
        value, wanted = getattr(found, field.name), getattr(MADE, field.name)
        assert type(value) is type(wanted)
        np.testing.assert_array_equal(value, wanted)


def test_made_once_unless_something_is_another(tmp_path: Path) -> None:
    model = load(write_small_model(tmp_path), device="cpu").model
    other = load(write_small_model(tmp_path, "other", seed=1), device="cpu").model
    kept, maker = str(tmp_path / "kept"), Maker()
    for _ in range(2):
        assert_same(FeatureCache(model, SAMPLING, kept).get("a" * 64, maker))
    assert maker.times == 1
    FeatureCache(model, SAMPLING, kept).get("b" * 64, maker)
    FeatureCache(other, SAMPLING, kept).get("a" * 64, maker)
    FeatureCache(model, replace(SAMPLING, every_s=1.0), kept).get("a" * 64, maker)
    FeatureCache(model, replace(SAMPLING, scenes=True), kept).get("a" * 64, maker)
    assert maker.times == 5


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_what_is_damaged_is_made_again(tmp_path: Path, damage: str) -> None:
    model, maker = load(write_small_model(tmp_path), device="cpu").model, Maker()
    cache = FeatureCache(model, SAMPLING, str(tmp_path / "kept"))
    cache.get("a" * 64, maker)
    (path,) = (tmp_path / "kept").iterdir()
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-1], "changed": data[:-1] + bytes([data[-1] ^ 1]), "empty": b""}[damage])
    assert_same(cache.get("a" * 64, maker))
    assert_same(cache.get("a" * 64, maker))
    assert maker.times == 2
    assert path.read_bytes() == data


def test_a_folder_that_cannot_be_made_costs_the_time_alone(tmp_path: Path) -> None:
    model, maker = load(write_small_model(tmp_path), device="cpu").model, Maker()
    (tmp_path / "file").write_text("")
    cache = FeatureCache(model, SAMPLING, str(tmp_path / "file" / "below"))
    assert_same(cache.get("a" * 64, maker))
    assert_same(cache.get("a" * 64, maker))
    assert maker.times == 2


def test_the_digest_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(str(tmp_path / "a")).startswith("ba7816bf8f01cfea414140de5dae2223b00361a396177a9c")
