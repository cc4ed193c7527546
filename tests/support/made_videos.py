"""Small videos: frames at any times, turned by their container, with pixels that are no squares; sound alone."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

Pixels = npt.NDArray[np.uint8]

TICKS_A_SECOND = 1_000
TURNS = {
    "upright": (1, 0, 0, 1), "quarter": (0, 1, -1, 0), "half": (-1, 0, 0, -1), "three quarters": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1), "upside down": (1, 0, 0, -1),
}  # fmt: skip
"""a, b, c, d of the display matrix: turned clockwise, mirrored from left to right, from top to bottom."""
_IDENTITY = struct.pack(">9i", 65_536, 0, 0, 0, 65_536, 0, 0, 0, 1 << 30)


def plain(colour: tuple[int, int, int], height: int = 64, width: int = 96) -> Pixels:
    """Return a picture of one colour."""
    return np.full((height, width, 3), colour, dtype=np.uint8)


def corners(height: int = 64, width: int = 96) -> Pixels:
    """Return a picture of four quarters: red, green (right), blue (below), white."""
    pixels = plain((255, 255, 255), height, width)
    pixels[: height // 2, : width // 2] = 220, 40, 40
    pixels[: height // 2, width // 2 :] = 40, 170, 60
    pixels[height // 2 :, : width // 2] = 50, 80, 220
    return pixels


def write_video(
    path: Path,
    frames: Iterable[tuple[float, Pixels]],
    *,
    codec: str = "libx264",
    pixel_shape: Fraction = Fraction(1),
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
) -> Path:
    """Write (time in seconds, picture) in this order; the suffix chooses the container. Return the path."""
    with av.open(str(path), "w") as container:
        stream = None
        for time_s, pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if stream is None:
                stream = container.add_stream(codec, rate=25, options=options or {"g": "25", "bf": "2"})
                stream.height, stream.width, stream.pix_fmt = *pixels.shape[:2], pix_fmt
                stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS_A_SECOND)
                stream.codec_context.sample_aspect_ratio = pixel_shape
                stream.codec_context.thread_count = 1
            frame.pts, frame.time_base = round(time_s * TICKS_A_SECOND), Fraction(1, TICKS_A_SECOND)
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode(None))
    return path


def shots(
    pictures: Sequence[Pixels], seconds: float = 2.0, steps: Sequence[float] = (0.04,)
) -> list[tuple[float, Pixels]]:
    """Return frames that show each picture for `seconds`, at intervals that go through `steps`."""
    frames = []
    for number, picture in enumerate(pictures):
        time_s, step = 0.0, 0
        while time_s < seconds - 1e-9:
            frames.append((number * seconds + time_s, picture))
            time_s += steps[step % len(steps)]
            step += 1
    return frames


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Put a display matrix of quarter turns and mirrors into an MP4's track header; return its path."""
    data = path.read_bytes()
    place = data.index(_IDENTITY, data.index(b"tkhd"))
    a, b, c, d = (65_536 * number for number in matrix)
    path.write_bytes(
        data[:place] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[place + len(_IDENTITY) :]
    )
    return path


def write_sound(path: Path, *, has_cover: bool = False) -> Path:
    """Write half a second of silence, no video, with a cover as music has it or without; return the path."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        if has_cover:
            cover = container.add_stream("mjpeg", rate=1)
            cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
            cover.disposition = Disposition.attached_pic.value
        for start in range(0, 8_000, 1_024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1_024), dtype=np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if has_cover:
            container.mux(cover.encode(av.VideoFrame.from_ndarray(plain((9, 9, 9), 64, 64), format="rgb24")))
            container.mux(cover.encode(None))
    return path
