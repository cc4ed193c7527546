"""What `pipeline balance` says when it is done, from its manifest."""

from typing import Any

from pipeline.summary import print_table
from schemas.public_url import public_text


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
