"""Frames are found again by their time: as when all are decoded."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.made_videos import corners, plain, shots, write_video
from trainer.video.open_video import OpenVideo, open_video
from trainer.video.stills import stills
from trainer.video.upright import upright

PICTURES = [plain((30 * number, 250 - 30 * number, 90)) for number in range(8)]


def all_frames(path: Path) -> dict[int, np.ndarray]:
    with open_video(str(path), threads=1, max_s=100) as video:
        return {tick: upright(frame, video.pixel_shape) for tick, frame in video.frames()}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("way", ["by seeking", "without"])
def test_as_when_all_are_decoded(tmp_path: Path, suffix: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / f"v{suffix}", shots(PICTURES, 1.0, (0.04, 0.3)))
    if way == "without":
        monkeypatch.setattr(OpenVideo, "seek", lambda self, ticks: False)
    wanted = all_frames(path)
    ticks = [list(wanted)[place] for place in (40, 3, 17, 3, 0, 25)]
    found = stills(str(path), ticks, threads=2, max_s=100, key_frames=False, shrink=lambda pixels: pixels)
    for tick, pixels in zip(ticks, found, strict=True):
        np.testing.assert_array_equal(pixels, wanted[tick])


def test_what_is_gone_is_none(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", shots([corners()], 1.0))
    tick = list(all_frames(path))[5]
    found = stills(str(path), [tick + 1, tick], threads=1, max_s=100, key_frames=False, shrink=lambda p: p[:9, :9])
    assert found[0] is None
    assert found[1] is not None
    assert found[1].shape == (9, 9, 3)
