"""Exports opened by what will read them: transformers, open_clip, this project. Each is a `Reader`.

Images and texts go through the reader's own preprocessing and tokenizer. Shapes: N images or texts, E embedding, P
pixels per side.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from trainer.use.load import Loaded, load


def pictures(images_N3PP: torch.Tensor) -> list[Image.Image]:
    """Return squares of pixels as pictures of Pillow."""
    return [Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()) for image in images_N3PP]


def until_eos(ids: Sequence[Sequence[int]], eos: int) -> list[list[int]]:
    """Return each row up to its first [EOS]: what follows is padding."""
    return [list(row[: row.index(eos) + 1] if eos in row else row) for row in ids]


class TransformersReader:
    """A ``CLIPModel`` and its processor, versions 4 and 5."""

    def __init__(self, path: str) -> None:
        import transformers

        self.title = f"transformers {transformers.__version__}"
        with _quiet(transformers):
            self._model = transformers.CLIPModel.from_pretrained(path, local_files_only=True).eval()
            self._images = transformers.AutoImageProcessor.from_pretrained(path, local_files_only=True)
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)

    def image_features(self, images_N3PP: torch.Tensor) -> torch.Tensor:
        found = self._images(images=pictures(images_N3PP), return_tensors="pt")
        return self._run(pixel_values=found["pixel_values"], input_ids=self._ids(["a"])).image_embeds

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        side = self._model.config.vision_config.image_size
        encoded = self._tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        return self._run(**encoded, pixel_values=torch.zeros(1, 3, side, side)).text_embeds

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        return self._tokenizer(list(texts), truncation=True)["input_ids"]

    def _ids(self, texts: Sequence[str]) -> torch.Tensor:
        return self._tokenizer(list(texts), truncation=True, return_tensors="pt")["input_ids"]

    @torch.no_grad()
    def _run(self, **inputs: Any) -> Any:
        """Return the output of both encoders: what ``get_image_features`` returns is another thing in each version."""
        return self._model(**inputs)


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Leave out bars and warnings of a library that has a verbosity of its own."""
    logging = transformers.utils.logging
    before, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if had_bars:
            logging.enable_progress_bar()


class OpenClipReader:
    """A model, its transform and its tokenizer by ``local-dir:``."""

    def __init__(self, path: str) -> None:
        import open_clip

        self.title = f"open_clip {version('open_clip_torch')}"
        name = f"local-dir:{path}"
        self._model, _, self._transform = open_clip.create_model_and_transforms(name, device="cpu")
        self._model.eval()
        self._tokenizer = open_clip.get_tokenizer(name)

    @torch.no_grad()
    def image_features(self, images_N3PP: torch.Tensor) -> torch.Tensor:
        pixels = torch.stack([self._transform(picture) for picture in pictures(images_N3PP)])
        return F.normalize(self._model.encode_image(pixels), dim=-1)

    @torch.no_grad()
    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        return F.normalize(self._model.encode_text(self._tokenizer(list(texts))), dim=-1)

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        found = self._tokenizer(list(texts)).tolist()
        return until_eos(found, max(map(max, found)))


class OurReader:
    """This project, from the files."""

    title = "trainer.load"

    def __init__(self, path: str) -> None:
        self._loaded: Loaded = load(path, device="cpu", precision="float32")

    def image_features(self, images_N3PP: torch.Tensor) -> torch.Tensor:
        pixels = torch.stack([self._loaded.preprocess(picture) for picture in pictures(images_N3PP)])
        return self._loaded.model.encode_images(pixels)

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        return self._loaded.model.encode_texts(self._loaded.tokenizer(list(texts)))

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [list(row) for row in self._loaded.tokenizer(list(texts)).to_lists()]
