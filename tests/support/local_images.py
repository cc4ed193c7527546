"""What a source of local images gives, and the images that tests give it."""

from pathlib import Path

from pipeline.sources.config import SourceOptions
from pipeline.sources.formats import open_source
from tests.support.small_shards import picture
from tests.support.sources import read_source

IMAGE = picture(0, 8)
APPLE_DOUBLE = bytes.fromhex("00051607 00020000") + b"Mac OS X        " + bytes(106)


class Read:
    """What a source gives of an input."""

    def __init__(self, path: Path, input_format: str) -> None:
        found = read_source(open_source(SourceOptions(input=str(path), input_format=input_format)).source)  # type: ignore[arg-type]
        self.captions = {row["image_ref"]["member"]: row["caption"] for row in found.rows}
        self.broken, self.dropped = found.broken, found.dropped

    @property
    def num_records(self) -> int:
        """Records of samples: what the file as a whole is rejected for is none."""
        return len(self.captions) + sum(not item.reason.startswith("file_") for item in self.broken)
