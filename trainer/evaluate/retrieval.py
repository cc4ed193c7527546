"""Retrieval among held-out samples: each image finds its caption, each caption its image (CLIP, section 3.1.5).

Shapes: N samples, n of them this worker's, E embedding, B a batch.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from trainer.data.data_set import DataSet
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.captions import captions_of
from trainer.data.transforms import ImageFault, Pixels, decode_centre
from trainer.evaluate.measures import RETRIEVAL
from trainer.evaluate.recall import cosines, found_at_ranks, is_nearer
from trainer.model.clip import CLIP
from trainer.tokenizer import CaptionTokenizer
from trainer.workers.distributed import World


class Retrieval:
    """The first samples of a data set: middle squares, first captions."""

    measures: Sequence[str] = RETRIEVAL

    def __init__(self, data: DataSet, read: BlockBytes, num_samples: int) -> None:
        self._data = data
        self._read = read
        source = data.sources[0]
        self._num = min(num_samples, source.num_samples)
        self._num_blocks = int(np.searchsorted(np.cumsum(source.blocks.sizes), self._num)) + 1

    def measure(
        self, model: CLIP, tokenizer: CaptionTokenizer, world: World, *, batch_size: int, threads: int
    ) -> dict[str, float]:
        """Return recall at 1, 5 and 10 both ways; samples that cannot be used take no part, the same for all workers.

        A sample counts as found at k where fewer than k others are nearer; the same caption twice is as good as one.
        """
        features_N2E = torch.zeros(self._num, 2, model.config.embed_dim, device=world.device)
        is_used_N = torch.zeros(self._num, device=world.device)
        with ThreadPoolExecutor(threads) as pool:
            for places, images_B3PP, captions in self._batches(model, world, batch_size, pool):
                at = torch.tensor(places, device=world.device)
                features_N2E[at, 0] = model.encode_images(images_B3PP.to(world.device))
                features_N2E[at, 1] = model.encode_texts(tokenizer.encode(captions).to(world.device))
                is_used_N[at] = 1
        world.add_up(features_N2E)
        world.add_up(is_used_N)
        features_N2E = features_N2E[is_used_N > 0]
        if len(features_N2E) < 2:
            raise ValueError(
                f"evaluate_shards: {len(features_N2E)} of {self._num} samples can be used; expected 2 or more"
            )
        counts = torch.zeros(len(RETRIEVAL), dtype=torch.float64, device=world.device)
        own = torch.arange(world.rank, len(features_N2E), world.size, device=world.device)
        for rows in own.split(batch_size):
            counts += torch.cat([_found(features_N2E[:, a], features_N2E[:, 1 - a], rows) for a in (0, 1)])
        world.add_up(counts)
        return dict(zip(RETRIEVAL, (counts / len(features_N2E)).tolist(), strict=True))

    def _batches(
        self, model: CLIP, world: World, batch_size: int, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[list[int], torch.Tensor, list[str]]]:
        """Yield (places of samples, their images ``[B, 3, P, P]``, their captions) of this worker's blocks."""
        image_px = model.config.image.image_px
        first_of = np.cumsum(self._data.sources[0].blocks.sizes) - self._data.sources[0].blocks.sizes

        def load(data: Pixels) -> Pixels | None:
            try:
                return decode_centre(data, image_px)
            except ImageFault:
                return None

        for number in range(world.rank, self._num_blocks, world.size):
            block, _ = self._data.open_block(self._read, 0, number)
            first = int(first_of[number])
            usable = [place for place in range(min(len(block), self._num - first)) if place not in block.faults]
            texts = {place: captions_of(block.description(place), block.text(place)) for place in usable}
            usable = [place for place in usable if texts[place]]
            for start in range(0, len(usable), batch_size):
                part = usable[start : start + batch_size]
                loaded = list(pool.map(load, [block.image(place) for place in part]))
                good = [(place, image) for place, image in zip(part, loaded, strict=True) if image is not None]
                if good:
                    images = torch.from_numpy(np.stack([image for _, image in good]))
                    yield [first + place for place, _ in good], images, [texts[place][0] for place, _ in good]


def _found(from_NE: torch.Tensor, to_NE: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return how many of `rows` are found at each of `RANKS`."""
    cosines_nN = cosines(from_NE[rows], to_NE)
    own_n = cosines_nN.gather(1, rows[:, None])[:, 0]
    return found_at_ranks(is_nearer(cosines_nN, own_n[:, None]).sum(dim=1))
