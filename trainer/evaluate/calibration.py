"""How far a model's probabilities are from how often it is right (Guo et al., arXiv 1706.04599, section 2)."""

from typing import Any

import numpy as np

BINS = 15


def calibrate(confidences_N: np.ndarray, right_N: np.ndarray) -> dict[str, Any]:
    """Return the expected calibration error over `BINS` bins of equal width, and each bin that has images.

    The error is the mean over images of the gap between a bin's mean confidence and its accuracy. A bin is
    ((b) / 15, (b + 1) / 15], as in the paper.
    """
    bin_N = np.clip(np.ceil(confidences_N * BINS).astype(np.int64) - 1, 0, BINS - 1)
    images_B = np.bincount(bin_N, minlength=BINS)
    confidence_B = np.bincount(bin_N, weights=confidences_N, minlength=BINS)
    right_B = np.bincount(bin_N, weights=right_N, minlength=BINS)
    bins = [
        {
            "from": b / BINS, "to": (b + 1) / BINS, "images": int(images_B[b]),
            "confidence": float(confidence_B[b] / images_B[b]), "accuracy": float(right_B[b] / images_B[b]),
        }
        for b in np.flatnonzero(images_B).tolist()
    ]  # fmt: skip
    error = float(np.abs(confidence_B - right_B).sum() / len(confidences_N))
    return {"expected_calibration_error": error, "bins": bins}
