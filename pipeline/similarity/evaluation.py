"""Images of evaluations among images: features in, for each row the most similar image of the evaluation sets out.

Shapes: N rows, M images of the evaluation sets, T of a tile, E embedding.
"""

import numpy as np

from pipeline.similarity.cosine import Doubles, Features, Ints, cosines, margin

TILE_ROWS = 2_048

NO_IMAGE = -1


def most_similar(rows: Features, images: Features, threshold: float) -> tuple[Ints, Doubles]:
    """Return of each row the most similar of `images` and its cosine, `NO_IMAGE` and 0 below `threshold`.

    Of equally similar ones the lower. All pairs are compared: N x M products.
    """
    best_N = np.full(len(rows), NO_IMAGE, dtype=np.int64)
    cosine_N = np.zeros(len(rows))
    off = margin(rows.half_NE.shape[1])
    for begin in range(0, len(images), TILE_ROWS):
        products_NT = rows.unit_NE @ images.unit_NE[begin : begin + TILE_ROWS].T
        highest_N = products_NT.max(axis=1, initial=-1)
        least_N = np.maximum(threshold - off, highest_N - 2 * off)
        near, others = np.nonzero(products_NT >= least_N[:, None])
        exact = cosines(rows, near, images, others + begin)
        for place in np.lexsort((others, -exact, near)):
            row = near[place]
            if exact[place] >= threshold and (best_N[row] == NO_IMAGE or exact[place] > cosine_N[row]):
                best_N[row], cosine_N[row] = others[place] + begin, exact[place]
    return best_N, cosine_N
