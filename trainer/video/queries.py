"""Texts and pictures in, their features out, and what they are called.

Shapes: Q queries, E embedding.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trainer.use.encode import encode_texts
from trainer.use.load import Loaded


class Queries(NamedTuple):
    """What is looked for."""

    told: list[dict[str, Any]]
    """``{"text": ...}`` or ``{"image": ...}`` of each."""
    features_QE: npt.NDArray[np.float32]
    """Of length one."""

    def title(self, query: int) -> str:
        """Return the text, or the picture's path."""
        return str(next(iter(self.told[query].values())))


def embed_queries(loaded: Loaded, texts: Sequence[str], images: Sequence[str], batch_size: int) -> Queries:
    """Return the texts, then the pictures. Raises ValueError or OSError for what is no picture."""
    features = [part_QE.numpy() for part_QE in encode_texts(loaded.model, loaded.tokenizer, texts, batch_size)]
    for path in images:
        try:
            square = loaded.preprocess(path)
        except FileNotFoundError:
            raise FileNotFoundError(f"--image: no such file {path!r}") from None
        except ValueError as fault:
            raise ValueError(f"--image: {fault}") from fault
        features.append(loaded.model.encode_image(square[None]).cpu().numpy())
    told = [{"text": text} for text in texts] + [{"image": path} for path in images]
    return Queries(told, np.concatenate(features))
