"""Embedding pairs and images beside transformers' CLIPModel in the same run, and beside the encoders alone.

Run by `make bench BENCH=embed`. ViT-B/32 with drawn weights, photographs of ../shared/data as pairs with captions of
LAION; the peer decodes with Pillow, resizes as its processor does, and pads texts to 77. By processor time of one
thread, in turn, so that other work on the machine counts less. The lines `of the encoders` have what the encoders take
for the same rows when pixels and tokens lie in memory: the loader and the files are the rest.
"""

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image

from tests.bench.bench_train import their_model
from tests.bench.cpu_seconds import cpu_seconds
from tests.bench.timing import line
from tests.conftest import SHARED_DATA
from trainer.data.transforms import decode_centre
from trainer.embed.encode import encode_part
from trainer.embed.items import Item
from trainer.model.clip import CLIP, IMAGE_MEAN, IMAGE_STD
from trainer.presets import find_preset
from trainer.tokenizer import train_tokenizer
from trainer.use.encode import encode_packed
from trainer.use.frozen_clip import FrozenCLIP, made_frozen

PAIRS, BATCH, ROUNDS = 64, 32, 3
WANTED_PAIRS, WANTED_IMAGES, WANTED_OF_ENCODERS = 1.4, 1.0, 0.95


def made_pairs() -> list[Item]:
    """Return photographs with captions."""
    photos = sorted((SHARED_DATA / "photos").glob("*.jpg"))[:PAIRS]
    captions = pq.read_table(SHARED_DATA / "captions" / "test_1000.parquet")["TEXT"].to_pylist()
    captions = [caption for caption in captions if caption]
    return [
        Item(path.name, path.read_bytes(), caption)
        for path, caption in islice(zip(cycle(photos), captions, strict=False), PAIRS)
    ]


class Peer:
    """transformers' CLIPModel as its documentation embeds: processor, padded texts, normalised features."""

    def __init__(self, ours: FrozenCLIP, encode: object, image_px: int) -> None:
        self._model = their_model(ours.config).eval()
        self._encode, self._px = encode, image_px
        self._mean, self._std = torch.tensor(IMAGE_MEAN).view(3, 1, 1), torch.tensor(IMAGE_STD).view(3, 1, 1)

    def pixels(self, data: bytes) -> torch.Tensor:
        with Image.open(io.BytesIO(data)) as opened:
            image = opened.convert("RGB")
        scale = self._px / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
        left, top = (image.width - self._px) // 2, (image.height - self._px) // 2
        square = np.asarray(image.crop((left, top, left + self._px, top + self._px)))
        return (torch.from_numpy(square.copy()).permute(2, 0, 1).float() / 255 - self._mean) / self._std

    @torch.no_grad()
    def embed(self, pairs: list[Item], *, has_texts: bool) -> None:
        for start in range(0, len(pairs), BATCH):
            batch = pairs[start : start + BATCH]
            pixels = torch.stack([self.pixels(item.image) for item in batch])
            vision = self._model.vision_model(pixel_values=pixels).pooler_output
            torch.nn.functional.normalize(self._model.visual_projection(vision), dim=-1).numpy()
            if has_texts:
                tokens, _ = self._encode([item.caption for item in batch]).padded(77)
                text = self._model.text_model(input_ids=tokens).pooler_output
                torch.nn.functional.normalize(self._model.text_projection(text), dim=-1).numpy()


def main() -> None:
    torch.set_num_threads(1)
    pairs = made_pairs()
    tokenizer = train_tokenizer([item.caption or "" for item in pairs], vocab_size=2_000, context_length=77)
    preset = find_preset("vit-b-32").model
    torch.manual_seed(0)
    ours = made_frozen(preset, CLIP(preset).state_dict(), tokenizer, torch.device("cpu"), None)
    px = preset.image.image_px
    peer = Peer(ours, tokenizer.encode, px)
    pixels = torch.from_numpy(np.stack([decode_centre(item.image, px) for item in pairs]))
    packed = tokenizer.encode([item.caption or "" for item in pairs])
    with ThreadPoolExecutor(1) as pool:

        def run_ours(*, has_texts: bool) -> None:
            encode_part(ours, tokenizer, pairs, pool, BATCH, has_images=True, has_texts=has_texts)

        def run_encoders(*, has_texts: bool) -> None:
            with torch.no_grad():
                for start in range(0, PAIRS, BATCH):
                    ours.encode_images(pixels[start : start + BATCH])
            if has_texts:
                encode_packed(ours, packed, BATCH)

        for has_texts, name, wanted in ((True, "pairs", WANTED_PAIRS), (False, "images alone", WANTED_IMAGES)):
            runs = (run_ours, lambda *, has_texts: peer.embed(pairs, has_texts=has_texts), run_encoders)
            least = [float("inf")] * len(runs)
            for _ in range(ROUNDS):
                for number, run in enumerate(runs):
                    start = cpu_seconds()
                    run(has_texts=has_texts)
                    least[number] = min(least[number], cpu_seconds() - start)
            mine, theirs, encoders = (PAIRS / seconds for seconds in least)
            line(f"embed, {name}, a CPU second", mine, "transformers", theirs, "rows", wanted)
            line(f"embed, {name}, a CPU second", mine, "the encoders alone", encoders, "rows", WANTED_OF_ENCODERS)


if __name__ == "__main__":
    main()
