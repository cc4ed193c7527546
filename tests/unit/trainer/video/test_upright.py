"""Frames as a player shows them: against the matrix's definition, and through a real container."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.made_videos import TURNS, corners, turn, write_video
from trainer.video.open_video import open_video
from trainer.video.upright import turned, upright


def by_definition(pixels: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Put each pixel where the matrix maps it, then move all to the first row and column."""
    a, b, c, d = matrix
    height, width = pixels.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    new_columns, new_rows = a * columns + c * rows, b * columns + d * rows
    new_columns, new_rows = new_columns - new_columns.min(), new_rows - new_rows.min()
    out = np.zeros((new_rows.max() + 1, new_columns.max() + 1, 3), dtype=pixels.dtype)
    out[new_rows, new_columns] = pixels
    return out


@pytest.mark.parametrize("a", [1, -1])
@pytest.mark.parametrize("b", [1, -1])
@pytest.mark.parametrize("transposed", [False, True], ids=["straight", "transposed"])
def test_all_quarter_turns_and_mirrors(a: int, b: int, transposed: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, size=(3, 5, 3), dtype=np.uint8)
    matrix = (0, a, b, 0) if transposed else (a, 0, 0, b)
    np.testing.assert_array_equal(turned(pixels, matrix), by_definition(pixels, matrix))


@pytest.mark.parametrize("name", TURNS)
def test_a_container_that_turns_its_frames(tmp_path: Path, name: str) -> None:
    path = turn(write_video(tmp_path / "v.mp4", [(0.0, corners()), (0.5, corners())]), TURNS[name])
    with open_video(str(path), threads=1, max_s=10) as video:
        found = [upright(frame, video.pixel_shape) for _, frame in video.frames()]
    wanted = by_definition(corners(), TURNS[name])
    assert len(found) == 2
    for pixels in found:
        assert pixels.shape == wanted.shape
        edge = np.abs(pixels.astype(int) - wanted).max(axis=2) > 12
        assert edge.mean() < 0.06, "but for colours that run where quarters meet"


@pytest.mark.parametrize("shape", [Fraction(2), Fraction(1, 2), Fraction(1)], ids=["wide", "high", "square"])
def test_pixels_become_squares_before_the_frame_is_turned(tmp_path: Path, shape: Fraction) -> None:
    path = write_video(tmp_path / "v.mp4", [(0.0, corners()), (0.5, corners())], pixel_shape=shape)
    turn(path, TURNS["quarter"])
    with open_video(str(path), threads=1, max_s=10) as video:
        assert video.pixel_shape == shape
        assert {upright(frame, video.pixel_shape).shape for _, frame in video.frames()} == {(96 * shape, 64, 3)}


def test_a_shape_that_no_camera_has_is_left_out(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", [(0.0, corners()), (0.5, corners())], pixel_shape=Fraction(200))
    with open_video(str(path), threads=1, max_s=10) as video:
        assert video.pixel_shape == 1


def test_what_is_transparent_is_white() -> None:
    rgba = np.zeros((2, 4, 4), dtype=np.uint8)
    rgba[..., 0] = 200
    rgba[:, 1:, 3] = 51, 102, 255
    pixels = upright(av.VideoFrame.from_ndarray(rgba, format="rgba"))
    assert pixels[0].tolist() == [[255, 255, 255], [244, 204, 204], [233, 153, 153], [200, 0, 0]]


@pytest.mark.parametrize("full_range", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(("space", "red", "blue"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114)], ids=["BT.709", "BT.601"])
def test_colours_are_of_the_space_that_the_stream_tells(
    tmp_path: Path, space: int, red: float, blue: float, full_range: bool
) -> None:
    wanted = np.array([40, 170, 60])
    luma = float(wanted @ [red, 1 - red - blue, blue])
    chroma = (wanted[2] - luma) / (2 - 2 * blue), (wanted[0] - luma) / (2 - 2 * red)
    luma_scale, chroma_scale, offset = (1, 1, 0) if full_range else (219 / 255, 224 / 255, 16)
    planes = [offset + luma_scale * luma, *(128 + chroma_scale * part for part in chroma)]
    yuv = np.concatenate(
        [np.full(size, round(plane)) for plane, size in zip(planes, (4_096, 1_024, 1_024), strict=True)]
    )
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = space, 1 + full_range
        frame = av.VideoFrame.from_ndarray(yuv.astype(np.uint8).reshape(96, 64), format="yuv420p")
        frame.colorspace, frame.color_range = space, 1 + full_range
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_video(str(path), threads=1, max_s=10) as video:
        (found,) = (upright(frame) for _, frame in video.frames())
    assert found[32, 32] == pytest.approx(wanted, abs=4)
