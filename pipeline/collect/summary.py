"""What `pipeline collect` says when it is done, from its manifest."""

from typing import Any

from rich.console import Console

from pipeline.summary import print_table
from schemas.public_url import public_text


def print_collect(manifest: dict[str, Any], output: str) -> None:
    """Print what `pipeline collect` made."""
    summary = manifest["summary"]
    counts = summary["counts"]
    per_pair = counts["matches"] / max(1, counts["matched_pairs"])
    print_table(
        "collect",
        [
            *[(f"{name.replace('_', ' ')} read", counts[name]) for name in ("archive_records",) if name in counts],
            *[("  of them cut short", cut) for cut in [counts.get("archive_records_cut")] if cut],
            ("records read", counts["records"]),
            ("rejected (broken)", counts["rejected"]),
            *[(f"  {reason}", count) for reason, count in summary["rejected_by_reason"].items()],
            ("dropped (not wanted)", counts["dropped"]),
            *[(f"  {reason}", count) for reason, count in summary["dropped_by_reason"].items()],
            *[(f"values lost of column {name}", count) for name, count in summary.get("values_unfit", {}).items()],
            ("matched pairs", counts["matched_pairs"]),
            ("matches per matched pair", round(per_pair, 2)),
            ("duplicates removed", counts["duplicates"]),
            ("candidates", counts["candidates"]),
            *[("files passed over", passed_over) for passed_over in [summary.get("files_passed_over")] if passed_over],
            ("in", public_text(output)),
        ],
    )
    for name in summary.get("columns_without_value", []):
        Console().print(f"note: no record has a value in the column {name!r} of --extra-columns", markup=False)
    hint = _other_archive_format(counts, summary["dropped_by_reason"])
    if hint:
        Console().print(f"note: {hint}", markup=False)
    if not counts["records"]:
        Console().print("note: the input holds no records: everything made of it is empty")


def _other_archive_format(counts: dict[str, int], dropped: dict[str, int]) -> str:
    """Return a hint when no record of web archives was read, and those left out are what the other format reads."""
    kinds = {reason for reason, count in dropped.items() if count and reason.startswith("record_")}
    if counts.get("archive_records", 1):
        return ""
    if "record_response" in kinds:  # left out by wat only
        return "the archives hold answers of servers: WARC files are read with --input-format warc"
    if "record_metadata" in kinds and kinds <= {"record_metadata", "record_warcinfo"}:
        return "the archives hold metadata only: WAT files are read with --input-format wat"
    return ""
