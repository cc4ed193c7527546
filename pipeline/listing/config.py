"""The options of `pipeline download`: those of a download, and those of a table that takes a selection's place."""

from dataclasses import dataclass, fields

from pipeline.download.config import DownloadConfig
from pipeline.runners.config import RunnerOptions
from pipeline.sources.config import SourceOptions
from schemas.option_group import OptionGroup, check_at_least, check_between, stage_config
from schemas.run_options import NotIdentity
from schemas.shards_folder import LISTED_SELECTION_DIR


@dataclass(frozen=True, kw_only=True)
class RowOptions(OptionGroup):
    """What becomes of the rows of --input."""

    samples_per_shard: int = 10_000
    """Images per shard (img2dataset: number_sample_per_shard, 10,000)."""

    allow_missing_captions: bool = False
    """Take rows without a caption too, with an empty one, of a table without such a column all: KEY.txt is there, and
    empty (img2dataset: without --caption_col no KEY.txt). Else they are rejections, caption_missing."""

    drop_tracking_parameters: bool = False
    """URLs that differ in tracking parameters only (utm_*, fbclid, gclid, ...: schemas/tracking.py) name the same
    image. The url that is stored stays as it is (img2dataset: off)."""

    max_caption_bytes: int = 10_000
    """Rows of longer captions are rejections (bytes of UTF-8)."""

    max_rejected_fraction: NotIdentity[float] = 0.5
    """The job fails when more than this part of the rows is broken: then the table is not what it was taken for."""

    def _check(self) -> None:
        check_at_least(self, {"samples_per_shard": 1})
        check_between(self, max_caption_bytes=(1, 1 << 20), max_rejected_fraction=(0, 1))


@dataclass(frozen=True, kw_only=True)
class ListingOptions(RowOptions, SourceOptions, RunnerOptions):
    """A table of images, and what becomes of its rows."""

    @property
    def needs_captions(self) -> bool:
        """Whether a row without a caption is a rejection, and a table without a column of them refused."""
        return not self.allow_missing_captions


@dataclass(frozen=True, kw_only=True)
class ListedDownloadConfig(DownloadConfig, ListingOptions):
    """Fetch the images of a selection, or of a table of URLs, and write them as shards."""

    selection: NotIdentity[str] = ""
    """Folder made by `pipeline balance`."""

    input: NotIdentity[str] = ""
    """In place of --selection, a list of images without queries: tables with a URL a row, or what else
    --input-format says. A path, a glob, a folder, a comma-separated list of these; any fsspec URL."""

    def _check(self) -> None:
        if bool(self.selection) == bool(self.input):
            found = "both" if self.input else "neither"
            raise ValueError(f"expected either --selection or --input, found {found}")
        if self.selection:
            for field in fields(ListingOptions):
                if field.name != "input" and getattr(self, field.name) != field.default:
                    raise ValueError(f"{field.name} is for --input only, found {getattr(self, field.name)!r}")
            return
        for name, column in (
            ("verify_hash", (self.verify_hash or ("",))[0]),
            ("blurring_bbox_col", self.blurring_bbox_col),
        ):
            if column and column not in self.extra_columns:
                raise ValueError(
                    f"{name} needs the column {column!r}, which is not carried; add --extra-columns {column}"
                )

    def download(self) -> DownloadConfig:
        """Return the configuration of the download itself: of the selection given, or of that made of the table."""
        selection = self.selection or f"{self.output.rstrip('/')}/{LISTED_SELECTION_DIR}"
        return stage_config(DownloadConfig, self, selection=selection)
