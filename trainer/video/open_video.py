"""A video file in, its frames with their times out: each that decodes, in the order it is shown.

Videos are strangers' files. FFmpeg is given one open file and may open no other, reads the containers of
`SUFFIXES_OF_FORMAT` alone, and decodes no frame of more than `MAX_FRAME_PIXELS`. What does not decode is counted.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from trainer.video.files import SUFFIXES_OF_FORMAT

if TYPE_CHECKING:
    import av

MAX_FRAME_PIXELS = 8_192 * 4_320
"""8K; decoders keep up to 17 frames at 1.5 bytes a pixel, more with several threads."""
_MARGIN = 2
"""FFmpeg counts the margin around a frame, too; none of more than so many times the pixels is decoded."""
MAX_FRAMES_A_SECOND = 1_000
"""More than so many in `max_s` seconds are not decoded: a small file can hold a day of work."""
_DEFAULT_RATE = Fraction(25)
NEEDED = "videos are decoded by PyAV, which is not installed: pip install 'webimagetext[video]'"


class VideoFault(ValueError):
    """A video that cannot be used; the message follows the file's name."""


class Timed(NamedTuple):
    """A frame and when it is shown."""

    ticks: int
    """In the stream's time base, from the beginning of the file's time."""
    frame: "av.VideoFrame"


class OpenVideo:
    """A video stream that is read from its beginning, or from where `seek` put it."""

    def __init__(self, container: Any, stream: Any, max_s: float) -> None:
        self._container, self._stream, self._max_s = container, stream, max_s
        self._base: Fraction = stream.time_base
        self.begin_ticks = round(Fraction(container.start_time or 0, 1_000_000) / self._base)
        """What players show as 0:00:00."""
        self.num_decoded, self.num_broken = 0, 0
        self.end_ticks = 0
        """When what was read so far ends."""
        self.is_stopped = False
        """At `max_s`, before the end."""

    def seconds(self, ticks: int) -> float:
        """Return the time that players show."""
        return float((ticks - self.begin_ticks) * self._base)

    @property
    def told_s(self) -> float | None:
        """Seconds that the header tells, of this stream where it does."""
        if self._stream.duration is not None:
            return float(self._stream.duration * self._base)
        duration = self._container.duration
        return None if duration is None else duration / 1_000_000

    @property
    def missing_s(self) -> float:
        """Seconds that the header tells of this stream and the file does not have: it was cut off."""
        if self._stream.duration is None or self.is_stopped:
            return 0.0
        begin = self._stream.start_time or 0
        return max(0.0, float((begin + self._stream.duration - self.end_ticks) * self._base))

    @property
    def pixel_shape(self) -> Fraction:
        """Width of a pixel by its height, as the container or the codec tells it; 1 where that cannot be."""
        found = self._stream.sample_aspect_ratio
        return found if found and Fraction(1, 4) <= found <= 4 else Fraction(1)

    def seek(self, ticks: int) -> bool:
        """Go to the last key frame that is shown at `ticks` or before. Return False where the file has no way to."""
        import av

        try:
            self._container.seek(ticks, stream=self._stream)
        except av.error.FFmpegError:
            return False
        return True

    def frames(self) -> Iterator[Timed]:
        """Yield the frames that decode, to the end or to `max_s`."""
        step = max(1, round(1 / ((self._stream.average_rate or _DEFAULT_RATE) * self._base)))
        ticks = self.begin_ticks - step
        for frame in self._decoded():
            ticks = ticks + step if frame.pts is None else frame.pts
            if self.seconds(ticks) >= self._max_s or self.num_decoded >= self._max_s * MAX_FRAMES_A_SECOND:
                self.is_stopped = True
                return
            self.num_decoded += 1
            yield Timed(ticks, frame)

    def _decoded(self) -> Iterator["av.VideoFrame"]:
        import av

        packets = self._container.demux(self._stream)
        is_more = True
        while is_more:
            try:
                packet = next(packets)
                if packet.pts is not None:
                    self.end_ticks = max(self.end_ticks, packet.pts + (packet.duration or 0))
            except StopIteration:
                return
            except av.error.FFmpegError:  # the file ends amid its structure: what the decoder holds is still good
                self.num_broken += 1
                packet, is_more = None, False
            try:
                for frame in self._stream.decode(packet):
                    if frame.is_corrupt:
                        self.num_broken += 1
                    else:
                        yield frame
            except av.error.FFmpegError:
                self.num_broken += 1


@contextmanager
def open_video(path: str, *, threads: int, max_s: float, key_frames: bool = False) -> Iterator[OpenVideo]:
    """Open the file's best video stream. Raises `VideoFault`, OSError for the path, ValueError without PyAV.

    The frames of a whole file are the same for any number of threads; where some do not decode, which ones is a matter
    of luck with more than one.
    """
    av = _import_av()
    options = {"format_whitelist": ",".join(SUFFIXES_OF_FORMAT), "max_pixels": str(_MARGIN * MAX_FRAME_PIXELS)}
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise VideoFault("is empty")
        try:
            container = av.open(file, "r", options=options, io_open=_refuse)
        except (av.error.FFmpegError, OSError) as error:
            raise VideoFault(f"is no video that can be read ({_reason(error)})") from error
        with container:
            stream = container.streams.best("video")
            if stream is None or stream.disposition & av.stream.Disposition.attached_pic:
                raise VideoFault("has no video stream" + (", only sound" if container.streams.audio else ""))
            context = stream.codec_context
            if context is None or not stream.time_base:
                raise VideoFault("has a video stream that no decoder here knows")
            if context.width * context.height > MAX_FRAME_PIXELS:
                raise VideoFault(
                    f"has frames of {context.width} x {context.height} pixels; at most {MAX_FRAME_PIXELS:,} are read"
                )
            context.thread_type, context.thread_count = "AUTO", threads
            context.options = {"max_pixels": str(_MARGIN * MAX_FRAME_PIXELS)}
            if key_frames:
                context.skip_frame = "NONKEY"
            yield OpenVideo(container, stream, max_s)


def check_decoder() -> None:
    """Raise ValueError that says what to install, where PyAV is not."""
    _import_av()


def _import_av() -> Any:
    try:
        import av
    except ImportError:
        raise ValueError(NEEDED) from None
    av.logging.set_level(None)
    return av


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    """Open nothing: a video that names another file, or an address, is not followed."""
    raise PermissionError(f"it asks for another file, {url[:80]!a}")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
