"""``trainer search``: a text or an image in, what is nearest to it out: lines, JSON, or a page that asks for them."""

import torch

from schemas.printable import printable, printable_json
from trainer.search.asking import Asking
from trainer.search.config import SearchConfig
from trainer.search.vector_index import Found, open_index
from trainer.use.load import load_chosen


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
