"""Annotated images in, batches out: which image comes when is a function of seed and place alone.

An epoch is a permutation of the images. The next batch is decoded by threads while the one before is trained on; two
are in memory. Shapes: B images, P pixels a side, Q queries, U classes of a batch, M objects of one image.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from trainer.data.decode.image import ImageFault
from trainer.detect.data.annotations import Annotations
from trainer.detect.data.examples import Example, View, make_example
from trainer.detect.data.query_sets import join_queries
from trainer.detect.model.boxes import to_centres
from trainer.evaluate.prompts import PLACE

_TOO_MANY = "objects beyond what the patches can find"
_ORDER, _VIEW, _PROMPT = 0, 1, 2
"""What is drawn: the first of the numbers behind the seed."""


@dataclass(frozen=True, eq=False)
class DetectionBatch:
    """B images, and what is asked of them."""

    images_B3PP: torch.Tensor
    """uint8."""
    prompts: list[str]
    """U texts, a class each."""
    places_BQ: torch.Tensor
    """Which of the texts are asked of each image; 0 where it has fewer than Q."""
    asked_BQ: torch.Tensor
    labels: list[torch.Tensor]
    """``[M]`` each: an object's place among its image's queries."""
    targets: list[torch.Tensor]
    """``[M, 4]`` each, float32, by centre, in parts of the square's side."""
    faults: Counter[str]
    """Images that were replaced, and objects left out, by reason."""


class Batches:
    """The batches of a training; `batch_at` gives any of them."""

    def __init__(
        self, annotations: Annotations, images: str, view: View, templates: list[str], *, batch_size: int, seed: int
    ) -> None:
        self._annotations = annotations
        self._images = Path(images)
        self._view = view
        self._templates = templates
        self._size = batch_size
        self._seed = seed
        self._epoch = -1
        self._order = np.empty(0, dtype=np.int64)

    def iterate(self, start: int, stop: int, threads: int) -> Iterator[DetectionBatch]:
        """Yield the batches of steps `start` .. `stop` - 1."""
        with ThreadPoolExecutor(threads) as pool:
            waiting = [self._submit(pool, step) for step in range(start, min(start + 1, stop))]
            for step in range(start, stop):
                if step + 1 < stop:
                    waiting.append(self._submit(pool, step + 1))
                yield self._join(step, [future.result() for future in waiting.pop(0)])

    def _submit(self, pool: ThreadPoolExecutor, step: int) -> list["Future[tuple[Example, Counter[str]]]"]:
        return [pool.submit(self._example, *where) for where in self._where(step)]

    def _where(self, step: int) -> list[tuple[int, int]]:
        """Return (epoch, image) of the rows of a step."""
        found = []
        for place in range(step * self._size, (step + 1) * self._size):
            epoch, at = divmod(place, len(self._annotations.files))
            if epoch != self._epoch:
                self._order = np.random.default_rng((self._seed, _ORDER, epoch)).permutation(
                    len(self._annotations.files)
                )
                self._epoch = epoch
            found.append((epoch, int(self._order[at])))
        return found

    def _example(self, epoch: int, image: int) -> tuple[Example, Counter[str]]:
        """Return the example; in place of an image that cannot be used, of the next in the file that can."""
        faults: Counter[str] = Counter()
        num = len(self._annotations.files)
        for number in range(image, image + num):
            draw = (self._seed, _VIEW, epoch, number % num)
            try:
                example = make_example(self._annotations, self._images, number % num, self._view, draw)
            except ImageFault as fault:
                faults[f"of a file that {fault}"] += 1
                continue
            faults[_TOO_MANY] += example.num_cut
            return example, faults
        raise ValueError(f"--images: none of the {num} images of {self._images} can be used: {dict(faults)}")

    def _join(self, step: int, made: list[tuple[Example, Counter[str]]]) -> DetectionBatch:
        examples = [example for example, _ in made]
        sets = join_queries([one.asked for one in examples], [one.labels_M for one in examples])
        rng = np.random.default_rng((self._seed, _PROMPT, step))
        drawn = rng.integers(0, len(self._templates), size=len(sets.classes_U)).tolist()
        texts = [
            self._templates[template].replace(PLACE, self._annotations.classes[number])
            for number, template in zip(sets.classes_U.tolist(), drawn, strict=True)
        ]
        faults: Counter[str] = Counter()
        for _, of_row in made:
            faults.update(of_row)
        return DetectionBatch(
            torch.from_numpy(np.stack([one.pixels_3PP for one in examples])),
            texts,
            torch.from_numpy(sets.places_BQ),
            torch.from_numpy(sets.asked_BQ),
            [torch.from_numpy(labels) for labels in sets.labels],
            [to_centres(torch.from_numpy(one.boxes_M4)).float() for one in examples],
            faults,
        )
