"""What a listing says when it is done, from the manifest of its selection."""

from typing import Any

from rich.console import Console

from pipeline.summary import print_table
from schemas.public_url import public_text


def print_listing(manifest: dict[str, Any], output: str) -> None:
    """Print what became of the rows of the list."""
    summary = manifest["summary"]
    counts = summary["counts"]
    print_table(
        "list",
        [
            ("records read", counts["records"]),
            ("rejected (broken)", counts["rejected"]),
            *[(f"  {reason}", count) for reason, count in summary["rejected_by_reason"].items()],
            *[(f"left out: {reason}", count) for reason, count in summary["dropped_by_reason"].items()],
            *[(f"values lost of column {name}", count) for name, count in summary["values_unfit"].items()],
            ("duplicates removed", counts["duplicates"]),
            *[
                ("without caption, of images that have one", count)
                for count in [counts["blank_captions_dropped"]]
                if count
            ],
            ("pairs", counts["pairs"]),
            *[("  of them without caption", count) for count in [counts["pairs_without_caption"]] if count],
            ("images", counts["images"]),
            ("in", public_text(output)),
        ],
    )
    for name in summary["columns_without_value"]:
        Console().print(f"note: no record has a value in the column {name!r} of --extra-columns", markup=False)
