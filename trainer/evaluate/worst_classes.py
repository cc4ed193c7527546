"""The classes that a model knows least, each with images that it was surest to take for something else."""

import numpy as np

from schemas.printable import printable
from trainer.evaluate.classify import Classified
from trainer.evaluate.contact_sheet import PICTURES, ROWS, SheetRow
from trainer.evaluate.labelled.labelled import Labelled


def worst_rows(images: Labelled, found: Classified, titles: list[str]) -> list[SheetRow]:
    """Return a row for each of the classes with the lowest accuracy that have a wrong image, the worst first."""
    labels_N = np.array(images.labels, dtype=np.int64)[found.places]
    predicted_N = found.nearest[:, 0]
    wrong_N = predicted_N != labels_N
    images_K = np.bincount(labels_N, minlength=len(titles))
    wrong_K = np.bincount(labels_N, weights=wrong_N, minlength=len(titles))
    share_K = wrong_K / np.maximum(images_K, 1)
    rows = []
    for k in np.argsort(-share_K, kind="stable")[:ROWS].tolist():
        if not wrong_K[k]:
            break
        own = np.flatnonzero(wrong_N & (labels_N == k))
        surest = own[np.argsort(-found.confidences[own], kind="stable")[:PICTURES]]
        taken_for = list(dict.fromkeys(titles[predicted_N[row]] for row in surest))
        title = f"{titles[k]}: {1 - share_K[k]:.0%} of {images_K[k]:,} right; taken for {', '.join(taken_for)}"
        rows.append(SheetRow(printable(title), [_read(images, int(found.places[row])) for row in surest]))
    return rows


def _read(images: Labelled, place: int) -> bytes:
    try:
        return images.read(place)
    except OSError:  # gone since it was classified
        return b""
