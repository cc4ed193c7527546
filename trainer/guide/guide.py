"""``trainer guide``: a text in, a drawing out that the model finds like it.

FILE.svg    the strokes
FILE.png    the same as pixels, with --png
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from schemas.printable import one_line, printable
from schemas.storage import Folder
from trainer.guide.config import GuideConfig
from trainer.guide.draw import draw
from trainer.guide.rasterise import rasterise
from trainer.guide.strokes import Strokes
from trainer.guide.svg import svg
from trainer.use.load import Loaded, load_chosen

_FINE_POINTS = 65
"""On a curve of the picture that is looked at in the end: as smooth as the SVG's."""


def guide(config: GuideConfig) -> dict[str, Any]:
    """Draw, print and return how similar the first strokes and the drawing are to each text."""
    written = [path for path in (config.output, config.png) if path is not None]
    for path in written:
        _check_absent(path)
    loaded = load_chosen(config)
    torch.set_num_threads(config.threads)
    texts = [config.text, *config.away]
    with torch.no_grad():
        texts_ME = loaded.model.encode_text(loaded.tokenizer(texts))
    first, last = _drawn(config, loaded, texts_ME)
    pictures = [_picture(strokes, config.size) for strokes in (first, last)]
    before, after = (_similarities(loaded, picture, texts_ME) for picture in pictures)
    _write(config.output, svg(last, config.size, config.text).encode())
    if config.png is not None:
        sink = io.BytesIO()
        pictures[1].save(sink, "PNG")
        _write(config.png, sink.getvalue())
    for text, one, other in zip(texts, before, after, strict=True):
        print(f"{one:.4f} -> {other:.4f}  {one_line(text)}")
    print(f"{config.strokes:,} strokes, {config.steps:,} steps: {printable(', '.join(written))}")
    return {"texts": texts, "before": before, "after": after}


def _drawn(config: GuideConfig, loaded: Loaded, texts_ME: torch.Tensor) -> tuple[Strokes, Strokes]:
    from tqdm import tqdm

    with tqdm(total=config.steps, unit=" steps", desc="draw", disable=None) as bar:

        def heard(step: int, similarity: float) -> None:
            bar.set_postfix(similarity=f"{similarity:.4f}", refresh=False)
            bar.update(1)

        return draw(
            loaded.model, texts_ME[0], texts_ME[1:], num_strokes=config.strokes, steps=config.steps,
            views=config.views, away_weight=config.away_weight, seed=config.seed, progress=heard,
        )  # fmt: skip


@torch.no_grad()
def _picture(strokes: Strokes, size: int) -> Image.Image:
    pixels_SS3 = (255 * rasterise(strokes, size, _FINE_POINTS)).round().byte().permute(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(pixels_SS3.numpy()))


@torch.no_grad()
def _similarities(loaded: Loaded, picture: Image.Image, texts_ME: torch.Tensor) -> list[float]:
    """Return the cosine of each text with the picture, looked at as any other picture is."""
    features_1E = loaded.model.encode_image(loaded.preprocess(picture)[None])
    return [float(cosine) for cosine in (features_1E @ texts_ME.T)[0]]


def _check_absent(path: str) -> None:
    if Path(path).exists():
        raise FileExistsError(f"{path} exists already; give another name, or delete it")
    if not Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(f"{path}: no such folder {str(Path(path).parent)!r}; make it first")


def _write(path: str, data: bytes) -> None:
    """Write a file that appears whole."""
    place = Path(path).absolute()
    Folder(str(place.parent)).write(place.name, data)
