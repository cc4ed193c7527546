"""``trainer search``: a text or an image in, what is nearest to it out: lines, JSON, or a page that asks for them."""

import numpy as np
import numpy.typing as npt
import torch

from schemas.printable import printable, printable_json
from trainer.search.config import SearchConfig
from trainer.search.vector_index import Found, VectorIndex, open_index
from trainer.use.load import Loaded, load_chosen


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

    def _nearest(self, features_1E: npt.NDArray[np.float32], num: int) -> list[Found]:
        return self.index.search(features_1E, num, self._threads)[0]


def search(config: SearchConfig) -> list[Found]:
    """Answer what the options ask; print it, or serve the page until it is stopped."""
    index = open_index(config.index)
    torch.set_num_threads(config.threads)
    asking = Asking(load_chosen(config), index, config.threads)
    if config.serve:
        from trainer.search.server import serve

        serve(asking, config.port)
        return []
    found = asking.by_text(config.text, config.num) if config.text is not None else _by_file(asking, config)
    print(as_json(found) if config.json else as_lines(found))
    return found


def _by_file(asking: Asking, config: SearchConfig) -> list[Found]:
    assert config.image is not None
    try:
        return asking.by_image(config.image, config.num)
    except FileNotFoundError:
        raise FileNotFoundError(f"--image: no such file {config.image!r}") from None


def as_json(found: list[Found]) -> str:
    """Return the rows as a JSON list of objects, best first."""
    return printable_json([{"rank": rank, **one._asdict()} for rank, one in enumerate(found, start=1)])


def as_lines(found: list[Found]) -> str:
    """Return a line a row: rank, cosine, id, caption."""
    return "\n".join(
        f"{rank:>4}  {one.score:.4f}  {printable(one.id)}{f'  {printable(one.caption)}' if one.caption else ''}"
        for rank, one in enumerate(found, start=1)
    )
