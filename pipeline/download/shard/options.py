"""The option of `pipeline download` that says in what files the images are stored."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup

OutputFormat = Literal["webdataset", "files", "parquet"]


@dataclass(frozen=True, kw_only=True)
class ShardOptions(OptionGroup):
    """In what files images are stored."""

    output_format: OutputFormat = "webdataset"
    """webdataset: NNNNN.tar, what the trainer reads; files: NNNNN/KEY.jpg, KEY.json and KEY.txt, on object stores a
    request each; parquet: in NNNNN.parquet, in a column named as --encode-format. Names and places are img2dataset's
    (its default is files; its tfrecord and dummy there are not)."""
