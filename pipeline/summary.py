"""What a command says when it is done: one table per stage, from its manifest."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.printable import printable
from schemas.public_url import public_text


def print_table(title: str, rows: list[tuple[str, Any]]) -> None:
    """Print a two-column table; numbers get thousands separators."""
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in rows:
        table.add_row(cell(name), cell(value))
    Console().print(table)


def cell(value: Any) -> Text:
    """Return a value as a table shows it: numbers with thousands separators, texts as they are, but printable."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Text(f"{value:,}")
    return Text("" if value is None else printable(str(value)))


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


def print_balance(manifest: dict[str, Any], output: str) -> None:
    """Print what `pipeline balance` made."""
    summary = manifest["summary"]
    counts, queries, config = summary["counts"], summary["queries"], summary["config"]
    shards, spreads = summary["shards"], summary.get("distributions", {})  # folders since schema 1.3 have these
    last = shards["first"] + shards["count"] - 1
    print_table(
        "balance (refill)" if summary["refill"] else "balance",
        [
            ("mode, seed", f"{config['mode']}, {config['seed']}"),
            ("cap by language", ", ".join(f"{name} {cap:,}" for name, cap in summary["caps"].items())),
            ("queries without a match", queries["without_match"]),
            ("queries with up to the cap", queries["up_to_cap"]),
            ("queries over the cap", queries["over_cap"]),
            ("share of matches held by queries up to the cap", summary["tail_share"]),
            ("expected to be selected", counts["expected_selected"]),
            ("selected pairs", counts["selected_pairs"]),
            *([("selected by earlier rounds", counts["selected_before"])] if summary["refill"] else []),
            *([("kept no more, without a spare", summary["not_refillable"]["kept"])] if summary["refill"] else []),
            ("images", counts["images"]),
            *[(name.replace("_", " "), _mean_and_range(spread)) for name, spread in spreads.items() if spread["count"]],
            ("shards", f"{shards['count']:,}" + (f" ({shards['first']:05d} .. {last:05d})" if shards["count"] else "")),
            ("in", public_text(output)),
        ],
    )


def _mean_and_range(spread: dict[str, int]) -> str:
    return f"{spread['sum'] / spread['count']:.2f} ({spread['min']:,} .. {spread['max']:,})"
