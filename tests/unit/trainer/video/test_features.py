"""Features of sampled frames: as the pictures alone have them; kept, made again when damaged or of others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.made_videos import corners, plain, shots, turn, write_video
from tests.support.small_model import write_small_model
from trainer.use.load import Loaded, load
from trainer.video.features import Sampling, VideoFeatures, one_ahead, video_features
from trainer.video.open_video import VideoFault, open_video
from trainer.video.upright import upright

EVERY = Sampling(every_s=0.5, scenes=False, key_frames=False, max_hours=1.0)
PICTURES = [corners(), plain((200, 30, 30)), plain((30, 60, 200)), plain((20, 160, 40))]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(write_small_model(tmp_path_factory.mktemp("model")), device="cpu")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("video")
    return str(turn(write_video(folder / "v.mp4", shots(PICTURES, 1.0, (0.04, 0.3))), (0, 1, -1, 0)))


def features(loaded: Loaded, path: str, sampling: Sampling = EVERY, batch_size: int = 3) -> VideoFeatures:
    return video_features(loaded.model, path, sampling, batch_size=batch_size, threads=2)


def test_as_each_frame_alone_has_them(loaded: Loaded, path: str) -> None:
    found = features(loaded, path)
    frames = shots(PICTURES, 1.0, (0.04, 0.3))
    wanted = [next(time_s for time_s, _ in frames if time_s >= start) for start in np.arange(8) * 0.5]
    assert found.times_N == pytest.approx(wanted, abs=1e-3)
    assert (found.num_decoded, found.num_broken, found.missing_s, found.is_stopped) == (len(frames), 0, 0.0, False)
    with open_video(path, threads=1, max_s=100) as video:
        by_ticks = {tick: upright(frame) for tick, frame in video.frames()}
    for row, tick in enumerate(found.ticks_N.tolist()):
        square = loaded.preprocess(Image.fromarray(by_ticks[tick]))
        alone_1E = loaded.model.encode_image(square[None])
        np.testing.assert_allclose(found.features_NE[row], alone_1E[0].numpy(), atol=2e-6)


def test_the_same_for_any_batches_and_cuts_add_frames(loaded: Loaded, path: str) -> None:
    found, one_by_one = features(loaded, path), features(loaded, path, batch_size=1)
    np.testing.assert_array_equal(found.ticks_N, one_by_one.ticks_N)
    np.testing.assert_allclose(found.features_NE, one_by_one.features_NE, atol=2e-6)
    rare = features(loaded, path, replace(EVERY, every_s=100.0))
    cut = features(loaded, path, replace(EVERY, every_s=100.0, scenes=True))
    assert (len(rare.times_N), len(cut.times_N)) == (1, len(PICTURES))
    assert cut.times_N == pytest.approx([0, 1, 2, 3])


def test_a_video_that_is_broken_gives_the_same_each_time(loaded: Loaded, path: str, tmp_path: Path) -> None:
    noise = [np.random.default_rng(n).integers(0, 256, size=(64, 96, 3), dtype=np.uint8) for n in range(16)]
    whole = write_video(tmp_path / "v.mkv", [(number / 10, pixels) for number, pixels in enumerate(noise)])
    data = bytearray(whole.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(2_000, len(data) - 3_000, size=16):
        data[place] ^= int(rng.integers(1, 256))
    whole.write_bytes(data)
    first, second = (features(loaded, str(whole), replace(EVERY, every_s=0.1), 16) for _ in range(2))
    assert first.num_broken > 0
    assert first.num_broken == second.num_broken
    np.testing.assert_array_equal(first.features_NE, second.features_NE)


def test_no_frame_at_all(loaded: Loaded, tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", shots([corners()], 1.0))
    data = path.read_bytes()
    begin, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    path.write_bytes(data[:begin] + bytes(end - begin) + data[end:])
    with pytest.raises(VideoFault, match="has no frame that decodes"):
        features(loaded, str(path))


def test_an_error_while_one_is_made_ahead_comes_through() -> None:
    def items():
        yield torch.zeros(1)
        raise VideoFault("broken")

    taken = []
    with pytest.raises(VideoFault, match="broken"):
        taken += one_ahead(items())
    assert list(one_ahead(iter([1, 2, 3]))) == [1, 2, 3]


def test_progress_hears_the_time_and_the_whole(loaded: Loaded, path: str) -> None:
    heard: list[tuple[float, float | None]] = []

    def hear(time_s: float, told_s: float | None) -> None:
        heard.append((time_s, told_s))

    video_features(loaded.model, path, EVERY, batch_size=4, threads=1, progress=hear)
    assert heard[0][0] == 0
    assert heard[-1][0] == pytest.approx(3.72)
    assert {told for _, told in heard} == {heard[0][1]}
    assert heard[0][1] == pytest.approx(4.0, abs=0.4)
