"""What the commands need of a finished folder's JSON files: checked once when it is opened, KeyErrors come nowhere."""

import re
from typing import Any

from querygen.workers.numbered_units import numbered_unit
from schemas.json_shape import check_json
from schemas.manifest import read_current_manifest, read_manifest
from schemas.query_source import SOURCES
from schemas.run_record import MANIFEST_FILE, RUN_FILE, read_run
from schemas.storage import Folder
from schemas.units import Unit

_BY_SOURCE = dict.fromkeys(SOURCES, int)
_VALUES = ("count?", "pmi?", "views?", "tag_count?", "least_count?")
_REACHED = {"text": str, **dict.fromkeys(_VALUES, int | float | None)}
_SETTINGS = {
    "min_views?": int | None, "num_stop_words?": int | None, "max_stop_word_share?": int | float | None,
}  # fmt: skip
_QUERIES = {
    "rows": int,
    "identity": str,
    "summary": {
        "min_word_count": int,
        "min_bigram_count": int,
        **_SETTINGS,
        "language?": str,
        "floors": {"words": int, "bigrams": int, "titles": int},
        "dump": {"words": int},
        "page_views?": {str: object},
        "wordnet?": {str: object},
        **dict.fromkeys(("sources", "budgets", "budgets_after_transfer", "available"), _BY_SOURCE),
        "overlap": dict.fromkeys(SOURCES, _BY_SOURCE),
        "thresholds": {f"{source}?": _REACHED for source in SOURCES},
        "notes": [str],
        "dropped?": {str: {str: int}},
        "rejections?": {str: int},
    },
}
_RUN = {
    "config?": _SETTINGS, "command?": str, "versions?": {str: object},
    "inputs?": [{"bytes?": int | None}],
}  # fmt: skip
_COUNTS = {
    "summary": {
        "num_units": int,
        "language": str,
        "segmenter": str | None,
        "words": int,
        "inputs": [{"name": str, "sha256": str}],
        "site": {"namespaces": {str: [str]}, "main_page": str, "language": str | None},
        "rejections": {str: int},
    }
}
_COMMIT = {"runs": [str], "statistics": {str: int}, "models?": {str: int}}


def open_queries(folder: Folder) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (manifest, run record) of a folder that ``querygen build`` made.

    Raises FileNotFoundError for an unfinished folder, ValueError where one lacks what the commands read.
    """
    made = "a folder that querygen build made"
    manifest, run = read_manifest(folder, "queries"), read_run(folder)
    check_json(manifest, _QUERIES, folder.path(MANIFEST_FILE), made)
    check_json(run, _RUN, folder.path(RUN_FILE), made)
    return manifest, run


def counts_summary(folder: Folder) -> dict[str, Any]:
    """Return the manifest's summary of a counts folder of this normal form. Raises as `open_queries`."""
    manifest = read_current_manifest(folder, "counts")
    check_json(manifest, _COUNTS, folder.path(MANIFEST_FILE), "a folder that querygen count or merge made")
    summary: dict[str, Any] = manifest["summary"]
    for number in summary["site"]["namespaces"]:
        if not re.fullmatch(r"-?\d{1,6}", number):
            raise ValueError(f"{folder.path(MANIFEST_FILE)}: expected numbers of namespaces, found {number!a}")
    return summary


def counted_unit(folder: Folder, number: int) -> Unit:
    """Return a counted unit of ``runs/``. Raises FileNotFoundError, and ValueError where it lacks what is read."""
    unit = numbered_unit(folder, number)
    check_counted(unit)
    return unit


def check_counted(unit: Unit) -> None:
    """Raise ValueError where a unit of ``runs/`` lacks what is read of it."""
    check_json(unit.body, _COMMIT, unit.body.where, "what querygen count wrote")
