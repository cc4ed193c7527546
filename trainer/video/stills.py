"""Times of a video in, the frames shown then out: found by going to the key frame before each."""

from collections.abc import Callable, Sequence

from trainer.data.transforms import Pixels
from trainer.video.open_video import OpenVideo, open_video
from trainer.video.upright import upright

MAX_FRAMES_TO = 2_000
"""From a key frame to the one that is wanted; beyond it, or where a file has no way to go there, all are decoded."""


def stills(
    path: str, ticks: Sequence[int], *, threads: int, max_s: float, key_frames: bool, shrink: Callable[[Pixels], Pixels]
) -> list[Pixels | None]:
    """Return of each of `ticks` the frame, ``[height, width, 3]``, that `shrink` made small; None: it is gone.

    `max_s` and `key_frames` are those by which the frames were found.
    """
    found: dict[int, Pixels] = {}

    def keep(video: OpenVideo, wanted: set[int], most: int | None) -> None:
        for number, (tick, frame) in enumerate(video.frames()):
            if frame.pts is None and most is not None:  # its time is counted from the beginning, where this is not
                return
            if tick in wanted and tick not in found:
                found[tick] = shrink(upright(frame, video.pixel_shape))
            if wanted <= found.keys() or tick > max(wanted) or number == most:
                return

    with open_video(path, threads=threads, max_s=max_s, key_frames=key_frames) as video:
        for tick in sorted(set(ticks)):
            if tick not in found and video.seek(tick):
                keep(video, {tick}, MAX_FRAMES_TO)
    if missing := set(ticks) - found.keys():
        with open_video(path, threads=threads, max_s=max_s, key_frames=key_frames) as video:
            keep(video, missing, None)
    return [found.get(tick) for tick in ticks]
