"""What `pipeline download` can be told: groups of options, from which the command line derives."""

import os
from dataclasses import dataclass, fields

from pipeline.download.content.options import ContentOptions
from pipeline.download.decode.options import ImageOptions
from pipeline.download.fetch.options import FetchOptions
from pipeline.download.peer.options import PeerOptions, check_honoured
from pipeline.download.policy.options import PolicyOptions
from pipeline.download.recheck.options import RecheckOptions
from pipeline.download.shard.options import ShardOptions
from schemas.option_group import check_between
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class DownloadOptions(PeerOptions, ShardOptions, ContentOptions, PolicyOptions, FetchOptions, ImageOptions):
    """How images are fetched, checked, resized and stored."""

    image_root: NotIdentity[tuple[str, ...]] = ()
    """NAME=PATH: where the local images of input root NAME lie now (default: where collect found them)."""
    max_failed_fraction: NotIdentity[float] = 1.0
    """The job fails when a larger share of the images is rejected (1: never; links rot)."""

    def _check(self) -> None:
        check_between(self, max_failed_fraction=(0, 1))
        self.image_root_paths()
        if self.fetcher == "img2dataset":
            check_honoured(self, fields(DownloadOptions))
        if self.disable_all_reencoding:
            self._check_undecoded()

    def _check_undecoded(self) -> None:
        """Raise ValueError for an option that needs the pixels, where none are decoded."""
        for name in ("blurring_bbox_col", "decontaminate"):
            if getattr(self, name):
                raise ValueError(f"disable_all_reencoding decodes nothing, so it excludes {name}")
        if self.colour_profile != "ignore":
            raise ValueError("disable_all_reencoding decodes nothing, so it excludes colour_profile srgb")

    def image_root_paths(self) -> dict[str, str]:
        """Return `image_root` as name -> path."""
        found = {}
        for entry in self.image_root:
            name, equals, path = entry.partition("=")
            if not name or not equals or not path:
                raise ValueError(f"image_root must be NAME=PATH, found {entry!r}")
            found[name] = path if "://" in path else os.path.abspath(path)
        return found


@dataclass(frozen=True, kw_only=True)
class DownloadConfig(RecheckOptions, DownloadOptions):
    """Fetch the images of a selection and write them as WebDataset shards."""

    selection: NotIdentity[str]
    """Folder made by `pipeline balance`."""
    output: NotIdentity[str]
    """Folder for the shards: absent, empty, or an unfinished run of the same command."""
    preflight: NotIdentity[bool] = False
    """Ask for 200 URLs of the selection, say what to expect and what to change, and write nothing."""
    retry_failed: NotIdentity[bool] = False
    """Ask again for the images of the finished --output whose failure may heal (retryable in its tables); what comes is
    joined to it as further shards."""

    def _check(self) -> None:
        asked = [name for name in ("recheck", "preflight", "retry_failed") if getattr(self, name)]
        if len(asked) > 1:
            raise ValueError(f"{asked[0]} and {asked[1]} are two commands: give one of them")
