"""What `pipeline filter` says when it is done, from its manifest."""

from typing import Any

import numpy as np
from rich.console import Console

from pipeline.similarity.measure import NUM_BINS
from pipeline.summary import print_table
from schemas.public_url import public_text

SHOWN_BINS = 5
"""Bins of the manifest that make a line: 0.05."""
BAR_WIDTH = 24


def print_filter(manifest: dict[str, Any], output: str) -> None:
    """Print what was found, the histogram of similarities, and what is to be known of it."""
    summary = manifest["summary"]
    rows: list[tuple[str, Any]] = [
        ("samples with features", summary["rows"]),
        ("samples that could not be embedded", summary["unusable"]),
        ("samples without a text", summary["without_text"]),
        *_similarities(summary["histogram"]),
        ("removed", manifest["rows"]),
        *[(f"  {reason}", count) for reason, count in summary["removed_by_reason"].items()],
        ("kept", summary["kept"]),
    ]
    if summary["least_similarity"] is not None:
        rows.append(("least similarity of a pair kept", round(summary["least_similarity"], 4)))
    print_table("filter", [*rows, ("in", public_text(output))])
    if summary["same_key"]:
        Console().print(
            f"note: {summary['same_key']:,} samples more have the key of one that is removed: removals name samples by "
            "key, so these would go, too",
            markup=False,
        )


def _similarities(histogram: list[int]) -> list[tuple[str, Any]]:
    """Return a line for each step of similarities from the lowest to the highest that there is."""
    counts = np.array(histogram).reshape(NUM_BINS // SHOWN_BINS, SHOWN_BINS).sum(axis=1)
    filled = np.flatnonzero(counts)
    if not len(filled):
        return []
    found: list[tuple[str, Any]] = [("similarity of image and text", "")]
    for place in range(filled[0], filled[-1] + 1):
        begin = -1 + 2 * place * SHOWN_BINS / NUM_BINS
        bar = "#" * round(BAR_WIDTH * counts[place] / counts.max())
        found.append((f"  {begin:5.2f} .. {begin + 2 * SHOWN_BINS / NUM_BINS:5.2f}", f"{counts[place]:>12,} {bar}"))
    return found
