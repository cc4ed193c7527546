"""What `pipeline download` can be told: one frozen dataclass, from which the command line derives."""

import os
import re
from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity

ResizeMode = Literal["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"]
EncodeFormat = Literal["jpg", "webp", "png"]

DEFAULT_USER_AGENT = "WebImageText/0.1 (+https://github.com/webimagetext/webimagetext)"

_USER_AGENT = re.compile(r"[A-Za-z0-9][!-.0-~]*([/ ][ -~]*)?")


@dataclass(frozen=True, kw_only=True)
class DownloadOptions(OptionGroup):
    """How images are fetched, checked, resized and stored."""

    image_size: int = 256
    """Side in pixels that --resize-mode aims at (img2dataset: 256)."""
    resize_mode: ResizeMode = "keep_ratio"
    """keep_ratio: shorter side to --image-size; keep_ratio_largest: longer side; center_crop: keep_ratio, then a
    square; border: keep_ratio_largest, then white bars; no: as it is. Names and effect are img2dataset's; its default
    is border, ours is keep_ratio because CLIP crops a square from the resized short side (CLIP paper, 2.5)."""
    resize_only_if_bigger: bool = False
    """Do not enlarge small images (img2dataset: off)."""
    encode_format: EncodeFormat = "jpg"
    """Format of the stored images (img2dataset: jpg)."""
    encode_quality: int | None = None
    """Quality 0-100 of jpg and webp (default 95, as img2dataset's); compression 0-9 of png (default 6, zlib's own)."""
    skip_reencode: bool = False
    """Store the fetched bytes as they are when the image was not resized and has the right format
    (img2dataset: off)."""
    timeout_s: float = 10.0
    """Deadline in seconds of one request, over DNS, connect, TLS, redirects, headers and body (img2dataset: 10)."""
    retries: int = 2
    """Further attempts after a failure that may heal: connect errors, time-out, 408, 429, 5xx, a body cut short
    (img2dataset: 0)."""
    max_body_bytes: int = 50 << 20
    """Larger bodies are rejected, as fetched or after content decoding."""
    max_redirects: int = 5
    """Redirects followed per request (browsers: 20; image hosts need one or two)."""
    max_pixels: int = 89_478_485
    """Larger images are rejected before they are decoded (Pillow's bound for decompression bombs: 89,478,485)."""
    concurrency: NotIdentity[int] = 64
    """Requests in flight per worker process (img2dataset: 256 threads)."""
    max_connections_per_host: NotIdentity[int] = 16
    """Requests in flight to one host, per worker process."""
    user_agent: str = DEFAULT_USER_AGENT
    """Sent with each request: say who you are and how to reach you. The word before the slash is the agent that
    X-Robots-Tag headers may address."""
    allow_private_addresses: bool = False
    """Also fetch from loopback, private, link-local and other addresses that are not public."""
    disallowed_header_directives: tuple[str, ...] = ("noai", "noimageai", "noindex", "noimageindex")
    """X-Robots-Tag directives that opt an image out (img2dataset's list); none: ignore the header."""
    image_root: NotIdentity[tuple[str, ...]] = ()
    """NAME=PATH: where the local images of input root NAME lie now (default: where collect found them)."""
    num_decode_processes: NotIdentity[int] = 0
    """Processes that decode and resize, per worker process; 0: one per available core."""
    max_failed_fraction: NotIdentity[float] = 1.0
    """The job fails when a larger share of the images is rejected (1: never; links rot)."""

    def _check(self) -> None:
        default_quality, quality_end = (6, 9) if self.encode_format == "png" else (95, 100)
        if self.encode_quality is None:
            object.__setattr__(self, "encode_quality", default_quality)
        for name, low, high in (
            ("image_size", 1, 16_384), ("encode_quality", 0, quality_end), ("timeout_s", 0.001, 3600),
            ("retries", 0, 20), ("max_body_bytes", 1, 1 << 30), ("max_redirects", 0, 50),
            ("max_pixels", 1, 1 << 30), ("concurrency", 1, 10_000), ("max_connections_per_host", 1, 10_000),
            ("num_decode_processes", 0, 1024), ("max_failed_fraction", 0, 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be in {low} .. {high}, found {value!r}")
        if not _USER_AGENT.fullmatch(self.user_agent):
            raise ValueError(f"user_agent must be printable ASCII that starts with a name, found {self.user_agent!r}")
        self.image_root_paths()

    def image_root_paths(self) -> dict[str, str]:
        """Return `image_root` as name -> path."""
        found = {}
        for entry in self.image_root:
            name, equals, path = entry.partition("=")
            if not name or not equals or not path:
                raise ValueError(f"image_root must be NAME=PATH, found {entry!r}")
            found[name] = path if "://" in path else os.path.abspath(path)
        return found

    @property
    def agent_token(self) -> str:
        """The name by which an X-Robots-Tag header addresses this agent, in lower case."""
        return re.split(r"[/ ]", self.user_agent, maxsplit=1)[0].lower()


@dataclass(frozen=True, kw_only=True)
class DownloadConfig(DownloadOptions):
    """Fetch the images of a selection and write them as WebDataset shards."""

    selection: NotIdentity[str]
    """Folder made by `pipeline balance`."""
    output: NotIdentity[str]
    """Folder for the shards: absent, empty, or an unfinished run of the same command."""
