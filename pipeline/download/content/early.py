"""An image judged while it comes: its sizes are in the first bytes, the rest of what is not wanted is not fetched."""

from collections.abc import Sequence

from pipeline.download.config import DownloadConfig
from pipeline.download.content.header import HEAD_BYTES, header_size
from pipeline.download.content.limits import size_reason
from pipeline.download.outcome import Failure

UNLIMITED_PIXELS = 89_478_485
"""A --max-pixels from here on is a guard against bombs, which send few bytes, and no wish: it starts no judging."""


FIRST_LOOK_BYTES = 32


class HeaderJudge:
    """Judges one body, packet by packet. In doubt it lets the body pass: the decoder has the last word."""

    def __init__(self, config: DownloadConfig, status: int, codings: Sequence[str]) -> None:
        """`codings` are the values of Content-Encoding: of a body that is coded no byte is an image's."""
        self._config = config
        self._status = status
        self._head = bytearray()
        self._look_at = FIRST_LOOK_BYTES
        limits = config.min_image_size or config.max_aspect_ratio is not None or config.max_pixels < UNLIMITED_PIXELS
        self._is_done = not limits or any(coding.strip().lower() not in ("", "identity") for coding in codings)

    def failure(self, part: bytes) -> Failure | None:
        """Return why the image that `part` goes on with is not wanted, None while that is not known."""
        if self._is_done:
            return None
        self._head += part[: HEAD_BYTES - len(self._head)]
        if len(self._head) < self._look_at:
            return None
        self._look_at = 2 * len(self._head)  # a server that sends byte after byte is not to keep us busy
        size = header_size(bytes(self._head))
        self._is_done = size is not None or self._look_at > HEAD_BYTES
        if size is None:
            return None
        self._head.clear()
        config = self._config
        reason = size_reason(*size, config.min_image_size, config.max_aspect_ratio)
        if size[0] * size[1] > config.max_pixels:
            reason = "too_many_pixels"
        return (
            None if reason is None else Failure(reason, self._status, original_width=size[0], original_height=size[1])
        )
