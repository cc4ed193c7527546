"""Pictures of rows, as JPEGs that any browser shows: from the folder or the shards that were embedded.

In: what an index tells of a row. Out: a JPEG of at most `SIDE_PX` a side, made anew from the decoded pixels, so that
nothing of a stranger's file reaches a browser.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from schemas.storage import Folder
from trainer.data.decode.image import ImageFault, decode_rgb
from trainer.data.transforms import Pixels

SIDE_PX = 384
MAX_FILE_BYTES = 1 << 28

__all__ = ["ImageFault", "Pictures"]


class Pictures:
    """Where the pictures of an index lie, by the ``paths`` of its ``run.json``."""

    def __init__(self, paths: dict[str, Any]) -> None:
        self._images = Path(str(paths["images"])) if paths.get("images") else None
        self._shards = Folder(str(paths["shards"])) if paths.get("shards") else None

    def jpeg(self, told: dict[str, Any]) -> bytes:
        """Return the picture of a row. Raises FileNotFoundError where it is gone, `ImageFault` where it is no more one.

        An id that leads out of the folder is as one that is gone.
        """
        rgb = decode_rgb(self._bytes(told), SIDE_PX)
        image = Image.fromarray(rgb)
        image.thumbnail((SIDE_PX, SIDE_PX))
        sink = io.BytesIO()
        image.save(sink, "JPEG", quality=85)
        return sink.getvalue()

    def _bytes(self, told: dict[str, Any]) -> Pixels:
        if self._shards is not None and told["tar"]:
            with self._shards.open(told["tar"]) as tar:
                tar.seek(int(told["image_offset"]))
                data = tar.read(min(int(told["image_bytes"]), MAX_FILE_BYTES))
        elif self._images is not None:
            path = (self._images / told["id"]).resolve()
            if not path.is_relative_to(self._images.resolve()):
                raise FileNotFoundError(f"{told['id']!a} is not below {self._images}")
            data = path.read_bytes()
        else:
            raise FileNotFoundError("the index is of texts alone")
        found = np.frombuffer(data, dtype=np.uint8)
        found.flags.writeable = False
        return found
