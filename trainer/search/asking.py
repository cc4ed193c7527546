"""A text, an image or a row of an index in, the rows that are nearest to it out."""

import numpy as np
import numpy.typing as npt

from trainer.search.vector_index import Found, VectorIndex
from trainer.use.load import Loaded


class Asking:
    """A model and an index of its features."""

    def __init__(self, loaded: Loaded, index: VectorIndex, threads: int) -> None:
        """Raise ValueError when the index is of another model."""
        index.check_model(loaded.model.fingerprint)
        self.index, self._loaded, self._threads = index, loaded, threads

    def by_text(self, text: str, num: int) -> list[Found]:
        """Return the `num` rows nearest to a text."""
        features_1E = self._loaded.model.encode_text(self._loaded.tokenizer.encode([text]))
        return self._nearest(features_1E.cpu().numpy(), num)

    def by_image(self, picture: bytes | str, num: int) -> list[Found]:
        """Return the `num` rows nearest to an image: its bytes, or the path of its file.

        Raises `ImageFault`, a ValueError, for what is none, OSError for a path.
        """
        features_1E = self._loaded.model.encode_image(self._loaded.preprocess(picture)[None])
        return self._nearest(features_1E.cpu().numpy(), num)

    def by_row(self, row: int, num: int) -> list[Found]:
        """Return the `num` rows nearest to a row of the index, which is the first of them."""
        return self._nearest(self.index.feature(row)[None], num)

    def _nearest(self, features_1E: npt.NDArray[np.float32], num: int) -> list[Found]:
        return self.index.search(features_1E, num, self._threads)[0]
