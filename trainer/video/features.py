"""A video in, the features of its sampled frames out.

Frames are in memory by batches; what grows with the video are times and features.

Shapes: N frames, E embedding, P pixels per side.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.transforms import centre_of
from trainer.use.encode import encode_image_batches
from trainer.use.frozen_clip import FrozenCLIP
from trainer.video.open_video import VideoFault, open_video
from trainer.video.sampling import Sampler, small_picture
from trainer.video.upright import upright

Item = TypeVar("Item")
LEAST_MISSING_S = 1.0
"""A file that ends this much earlier than its header tells was cut off: the last frame's length is often wrong."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """What of a video is looked at, as `VideoConfig` says."""

    every_s: float
    scenes: bool
    key_frames: bool
    max_hours: float


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoFeatures:
    """What is kept of a video: 4 E + 16 bytes a frame."""

    features_NE: npt.NDArray[np.float32]
    """Of length one."""
    ticks_N: npt.NDArray[np.int64]
    """By which frames are found again (`stills`)."""
    times_N: npt.NDArray[np.float64]
    """Seconds, as players show them."""
    num_decoded: int
    num_broken: int
    """Frames that do not decode."""
    missing_s: float
    """Seconds that the header tells and the file does not have; 0 for a whole one."""
    is_stopped: bool
    """At the most hours, before the end."""


def video_features(
    model: FrozenCLIP,
    path: str,
    sampling: Sampling,
    *,
    batch_size: int,
    threads: int,
    progress: Callable[[float, float | None], object] = lambda time_s, told_s: None,
) -> VideoFeatures:
    """Return the features of a video's sampled frames; `progress` hears where it is, of how many seconds.

    Raises `VideoFault` for what is no video, or has no frame that decodes; OSError for the path. The next batch is
    decoded while one is encoded. A video with frames that do not decode is read again by one thread: the same frames
    then fail each time.
    """
    found = _read(model, path, sampling, batch_size, threads, progress)
    if found is None or (found.num_broken and threads > 1):
        found = _read(model, path, sampling, batch_size, 1, progress)
    if found is None:
        raise VideoFault("has no frame that decodes")
    return found


def _read(
    model: FrozenCLIP,
    path: str,
    sampling: Sampling,
    batch_size: int,
    threads: int,
    progress: Callable[[float, float | None], object],
) -> VideoFeatures | None:
    """Return the features, None where no frame decodes."""
    ticks: list[int] = []
    times: list[float] = []
    with open_video(path, threads=threads, max_s=3_600 * sampling.max_hours, key_frames=sampling.key_frames) as video:

        def squares() -> Iterator[torch.Tensor]:
            sampler, batch = Sampler(sampling.every_s, sampling.scenes), []
            for tick, frame in video.frames():
                time_s = video.seconds(tick)
                progress(time_s, video.told_s)
                if not sampler.takes(time_s, partial(small_picture, frame)):
                    continue
                ticks.append(tick)
                times.append(time_s)
                square = centre_of(upright(frame, video.pixel_shape), model.config.image.image_px)
                batch.append(torch.from_numpy(square))
                if len(batch) == batch_size:
                    yield torch.stack(batch)
                    batch = []
            if batch:
                yield torch.stack(batch)

        parts = [part_NE.numpy() for part_NE in encode_image_batches(model, one_ahead(squares()))]
        if not parts:
            return None
        return VideoFeatures(
            features_NE=np.concatenate(parts),
            ticks_N=np.array(ticks, dtype=np.int64),
            times_N=np.array(times, dtype=np.float64),
            num_decoded=video.num_decoded,
            num_broken=video.num_broken,
            missing_s=video.missing_s if video.missing_s >= LEAST_MISSING_S else 0.0,
            is_stopped=video.is_stopped,
        )


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items; the next one is made in a thread while one is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
