"""The options of ``trainer video``. Imports nothing that is slow."""

import os
from dataclasses import dataclass
from math import isfinite
from typing import Annotated

import tyro

from schemas.existing_paths import exists
from schemas.option_group import check_at_least
from schemas.run_options import NotIdentity
from trainer.options.loading import LoadingOptions

MAX_FOUND = 1_000
LEAST_S = 0.001
THREADS = max(1, os.cpu_count() or 1)


@dataclass(frozen=True, kw_only=True)
class VideoConfig(LoadingOptions):
    """Find the moments of videos that a text or a picture asks for."""

    asked: NotIdentity[
        Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="TEXT VIDEO [VIDEO ...]")]
    ]
    """What is looked for, as "a dog jumping", and where: video files, and folders of them (looked through to the
    bottom). With --text or --image all of these are videos."""
    text: NotIdentity[Annotated[tuple[str, ...], tyro.conf.arg(metavar="TEXT [TEXT ...]")]] = ()
    """Several texts, in place of TEXT."""
    image: NotIdentity[Annotated[tuple[str, ...], tyro.conf.arg(metavar="FILE [FILE ...]")]] = ()
    """Pictures of what is looked for, in place of TEXT or besides --text."""
    checkpoint: NotIdentity[Annotated[str, tyro.conf.arg(metavar="PATH")]]
    """A model: the output of a training, one of its checkpoints, or weights of others, by path or URL: a folder of
    transformers or open_clip, a file of tensors, as `trainer train --init-from` takes them."""
    num: int = 10
    """Moments of each text or picture, at most 1,000."""
    apart_s: float = 2.0
    """Moments of one video are at least so many seconds apart: of what is nearer the best alone is told."""
    every_s: float = 1.0
    """Seconds of video from one frame that is looked at to the next."""
    scenes: bool = False
    """Look at the first frame after each cut, too, so that no short scene is missed."""
    key_frames: bool = False
    """Decode key frames alone, which is several times faster: no more frames than the video has of these, usually one
    in 2 to 10 seconds."""
    max_hours: float = 24.0
    """What comes later in a video is not looked at, and that is told."""
    output: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="DIR")]] = None
    """Where moments.csv, moments.json and contact-sheet.png go; printed only by default."""
    json: NotIdentity[bool] = False
    """Print JSON."""
    cache_dir: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="DIR")]] = None
    """Where features of videos are kept, 2 KB a frame at 512 channels, so that what is asked next is answered at once;
    by default below $XDG_CACHE_HOME, or ~/.cache. It may be deleted at any time."""
    batch_size: NotIdentity[int] = 64
    """Frames or texts per forward pass; the squares of three batches are in memory."""
    threads: NotIdentity[int] = THREADS
    """Threads that decode and compute."""

    def _check(self) -> None:
        check_at_least(self, {"num": 1, "batch_size": 1, "threads": 1})
        check_at_least(self, {"apart_s": 0, "every_s": LEAST_S, "max_hours": LEAST_S})
        if self.num > MAX_FOUND:
            raise ValueError(f"num must be at most {MAX_FOUND}, found {self.num}")
        for name in ("apart_s", "every_s", "max_hours"):
            if not isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be a finite number, found {getattr(self, name)!r}")
        if not self.video_paths:
            raise ValueError('expected "TEXT" VIDEO ..., or VIDEO ... with --text or --image; for example: '
                             'trainer video "a dog jumping" clip.mp4')  # fmt: skip
        if any(not text.strip() for text in self.query_texts):
            raise ValueError("expected a text that is not empty")

    @property
    def query_texts(self) -> tuple[str, ...]:
        """The texts that are looked for."""
        return self.text if self.text or self.image else self.asked[:1]

    @property
    def video_paths(self) -> tuple[str, ...]:
        """Files and folders as they are given."""
        return self.asked if self.text or self.image else self.asked[1:]

    def check_paths(self) -> None:
        """Raise ValueError where a video stands in the place of the text."""
        if not self.text and not self.image and exists(self.asked[0]):
            raise ValueError(
                f"the first word is what is looked for, found the path {self.asked[0]!a}; expected a text before the "
                'videos, as in trainer video "a dog jumping" clip.mp4, or --text or --image'
            )
