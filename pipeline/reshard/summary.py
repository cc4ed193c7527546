"""What was resharded, as a table on the terminal."""

from typing import Any

from pipeline.reshard.finish import RESHARDED
from pipeline.reshard.write import FOLDED
from pipeline.summary import print_table
from schemas.storage import Folder


def print_reshard(manifest: dict[str, Any], seconds: float | None, output: str) -> None:
    """Print samples in and out, what was left out by reason, captions, tars, bytes, time, place."""
    summary = manifest["summary"]
    told = summary[RESHARDED]
    rows: list[tuple[str, Any]] = [
        ("samples in", told["samples_in"]),
        ("  left out: removed", told["removed"]),
        ("  left out: repeated", told["repeated_samples"]),
        ("samples out", told["samples"]),
        ("failures kept, removed ones too", told["failures"]),
        ("further captions folded", told[FOLDED]),
        ("further captions without a sample", summary["further_captions"]),
        ("tars", summary["shards"]),
        ("stored", f"{summary['tar_bytes'] / 1e6:,.1f} MB"),
        ("seconds", "finished before" if seconds is None else f"{seconds:,.1f}"),
        ("shards", Folder(output).url),
    ]
    print_table("pipeline reshard", rows)
