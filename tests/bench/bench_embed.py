"""Embedding pairs and images beside open_clip's encode loop, and beside what the loader and the encoders take alone.

Run by `make bench BENCH=embed`, after `make peers`. ViT-B/32 with drawn weights, photographs of ../shared/data as pairs
with captions of LAION. By processor time of one thread each, in turn, so that other work on the machine counts less.
The lines beside `loader and encoders` have what both take one after the other: decoding and tokens alone, and the
encoders where pixels and tokens lie in memory. With a core or a device more they go beside each other.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice

import numpy as np
import pyarrow.parquet as pq
import torch

from tests.bench.cpu_seconds import cpu_seconds
from tests.bench.peer_process import peer_process
from tests.bench.timing import line
from tests.bench.train_steps import OPEN_CLIP_NAMES
from tests.conftest import SHARED_DATA
from trainer.data.transforms import decode_centre
from trainer.embed.encode import encode_part
from trainer.embed.items import Item
from trainer.model.clip import CLIP
from trainer.presets import find_preset
from trainer.tokenizer import train_tokenizer
from trainer.use.encode import encode_packed
from trainer.use.frozen_clip import made_frozen

PAIRS, BATCH, ROUNDS = 64, 32, 3
WANTED_PAIRS, WANTED_IMAGES, WANTED_OF_PARTS = 1.4, 1.0, 0.95


def made_pairs() -> list[Item]:
    """Return photographs with captions."""
    photos = sorted((SHARED_DATA / "photos").glob("*.jpg"))[:PAIRS]
    captions = pq.read_table(SHARED_DATA / "captions" / "test_1000.parquet")["TEXT"].to_pylist()
    captions = [caption for caption in captions if caption]
    return [
        Item(path.name, path.read_bytes(), caption)
        for path, caption in islice(zip(cycle(photos), captions, strict=False), PAIRS)
    ]


def main() -> None:
    torch.set_num_threads(1)
    pairs = made_pairs()
    tokenizer = train_tokenizer([item.caption or "" for item in pairs], vocab_size=2_000, context_length=77)
    preset = find_preset("vit-b-32").model
    torch.manual_seed(0)
    ours = made_frozen(preset, CLIP(preset).state_dict(), tokenizer, torch.device("cpu"), None)
    px = preset.image.image_px
    pixels = torch.from_numpy(np.stack([decode_centre(item.image, px) for item in pairs]))
    packed = tokenizer.encode([item.caption or "" for item in pairs])
    told = {
        "model": OPEN_CLIP_NAMES["vit-b-32"], "batch_size": BATCH, "threads": 1,
        "images": [str(SHARED_DATA / "photos" / item.id) for item in pairs],
        "captions": [item.caption for item in pairs],
    }  # fmt: skip
    with ThreadPoolExecutor(1) as pool, peer_process("open_clip", "tests.peers.encode_open_clip", told) as peer:

        def run_ours(has_texts: bool) -> None:
            encode_part(ours, tokenizer, pairs, pool, BATCH, has_images=True, has_texts=has_texts)

        def run_encoders(has_texts: bool) -> None:
            for start in range(0, PAIRS, BATCH):
                ours.encode_images(pixels[start : start + BATCH])
            if has_texts:
                encode_packed(ours, packed, BATCH)

        def run_loader(has_texts: bool) -> None:
            for item in pairs:
                decode_centre(item.image, px)
            if has_texts:
                tokenizer.encode([item.caption or "" for item in pairs])

        for has_texts, name, wanted in ((True, "pairs", WANTED_PAIRS), (False, "images", WANTED_IMAGES)):
            runs = [
                *(partial(_seconds, partial(run, has_texts)) for run in (run_ours, run_encoders, run_loader)),
                partial(peer, name),
            ]
            least = [float("inf")] * len(runs)
            for _ in range(ROUNDS):
                least = [min(before, run()) for before, run in zip(least, runs, strict=True)]
            mine, encoders, loader, theirs = least
            print(f"{name}: encoders {PAIRS / encoders:.1f}, loader {PAIRS / loader:.1f} rows a CPU second")
            line(f"embed, {name}, a CPU second", PAIRS / mine, "open_clip", PAIRS / theirs, "rows", wanted)
            parts = PAIRS / (encoders + loader)
            line(f"embed, {name}, a CPU second", PAIRS / mine, "loader and encoders", parts, "rows", WANTED_OF_PARTS)


def _seconds(run: Callable[[], object]) -> float:
    start = cpu_seconds()
    run()
    return cpu_seconds() - start


if __name__ == "__main__":
    main()
