"""Zero-shot accuracy of a model that is training, by all workers: each embeds some classes and classifies some images.

Shapes: K classes, E embedding.
"""

from collections.abc import Sequence

import numpy as np
import torch

from trainer.evaluate.class_names import read_classes
from trainer.evaluate.classify import classify, embed_classes, is_right
from trainer.evaluate.inputs import find_images
from trainer.evaluate.measures import ZERO_SHOT
from trainer.evaluate.prompts import read_templates
from trainer.model.clip import CLIP
from trainer.tokenizer import CaptionTokenizer
from trainer.workers.distributed import World


class ClassAccuracy:
    """The images and classes of one dataset."""

    measures: Sequence[str] = ZERO_SHOT

    def __init__(self, dataset: str, classes: str, templates: str, *, tells: bool = True) -> None:
        """Read the names and list the images. Raises ValueError or FileNotFoundError for what is wrong with them.

        `tells`: of classes that the tokenizer cannot tell apart.
        """
        self._dataset = dataset
        self._classes = read_classes(classes, "--evaluate-classes", tells=tells)
        self._templates = read_templates(templates, "--evaluate-templates")
        self._images = find_images(dataset, self._classes, "--evaluate-dataset", "--evaluate-classes")

    def measure(
        self, model: CLIP, tokenizer: CaptionTokenizer, world: World, *, batch_size: int, threads: int
    ) -> dict[str, float]:
        """Return the measures over all images that decode; counts of the workers are added up, so they are exact."""
        own = slice(world.rank, None, world.size)
        classes_KE = torch.zeros(len(self._classes), model.config.embed_dim, device=world.device)
        if len(mine := self._classes.every(world.rank, world.size)):
            classes_KE[own] = embed_classes(model, tokenizer, mine, self._templates, batch_size)
        world.add_up(classes_KE)
        images = self._images.every(world.rank, world.size)
        found = classify(model, images, classes_KE, batch_size=batch_size, threads=threads)
        labels = np.array(images.labels, dtype=np.int64)[found.places]
        right_N, right5_N = is_right(found.nearest, labels)
        counts_K3 = np.zeros((len(self._classes), 3))
        np.add.at(counts_K3, labels, np.stack([np.ones_like(right_N, dtype=float), right_N, right5_N], axis=1))
        total = torch.from_numpy(counts_K3).to(world.device)
        world.add_up(total)
        counts_K3 = total.cpu().numpy()
        if not counts_K3[:, 0].sum():
            raise ValueError(f"evaluate_dataset: none of the {len(self._images)} images of {self._dataset} decodes")
        images_of, right, right5 = counts_K3[counts_K3[:, 0] > 0].T
        measures = (right.sum() / images_of.sum(), right5.sum() / images_of.sum(), (right / images_of).mean())
        return dict(zip(ZERO_SHOT, map(float, measures), strict=True))
