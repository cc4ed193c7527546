"""What a recheck says when it is done."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.manifest import read_manifest
from schemas.printable import one_line
from schemas.recheck import RECHECKS_DIR
from schemas.storage import Folder


def print_recheck(found: Mapping[str, Any], output: str) -> None:
    """Print the ``NNNNN.json`` of a recheck."""
    images = found["images"]
    table = Table(title="pipeline download --recheck", title_justify="left")
    table.add_column("images")
    table.add_column("count", justify="right")
    table.add_column("share", justify="right")
    for status, count in found["statuses"].items():
        if count:
            table.add_row(status.replace("_", " "), f"{count:,}", f"{count / images:.1%}")
    table.add_row("asked", f"{images:,}", "", end_section=True)
    for reason, count in found["reasons"].items():
        table.add_row(reason, f"{count:,}", f"{count / images:.1%}")
    for name in ("disallowed_for_ai_crawlers", "disallowed_for_ai_crawlers_but_served"):
        counts = found[name]
        if counts["images"]:
            table.add_row(name.replace("_", " "), f"{counts['images']:,}", f"{counts['hosts']:,} hosts")
    table.add_row("fetched", f"{found['body_bytes'] / 1e6:,.1f} MB", "")
    console = Console()
    console.print(table)
    folder = one_line(Folder(output).url)
    told = [f"curve: {folder}/{RECHECKS_DIR}/curve.svg"]
    if found["statuses"]["opted_out"]:
        kind = read_manifest(Folder(output), "shards")["summary"].get("output_format", "webdataset")
        how = f"To take their bytes out, too: pipeline remove --shards {folder} --opted-out"
        if kind != "webdataset":
            how = f"Their bytes stay: pipeline remove writes tars again, not {kind}; delete those files yourself"
        told.append(
            f"{found['opted_out_new']:,} images are newly opted out: named in removals.parquet, used no more. {how}"
        )
    for line in told:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
