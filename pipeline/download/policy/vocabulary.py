"""The table signal x value -> meaning, as data: ``vocabulary.json`` and a user's file in, what a preset reads out.

The drafts behind it change, so its rows can be replaced (``--policy-file``) without a change of code. A row::

    {"signal": "content-usage/train-ai", "value": "n", "strict": "forbid", "respect-explicit": "unknown"}
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, get_args

from pipeline.download.policy.evidence import FORBID, IGNORE, MEANINGS, Evidence, Judged, Signal, decide
from pipeline.download.policy.options import PolicyOptions, Preset

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.json")
PRESETS: tuple[str, ...] = get_args(Preset)
SITE_FILES = ("robots.txt", ".well-known/tdmrep.json", "ai.txt")
MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Vocabulary:
    """What one preset makes of signals."""

    meanings: dict[tuple[str, str], str]
    """By signal and value; every row of the packaged table is there."""
    files: tuple[str, ...]
    """Which of `SITE_FILES` are asked for, once a site."""
    ai_crawlers: tuple[str, ...]
    """Tokens of crawlers for AI, in lower case."""
    sha256: str
    """Of all that it was made of, for the run's identity."""

    def judge(self, signals: Iterable[Signal]) -> tuple[Judged, ...]:
        """Return the signals with their meanings, without those that the preset does not look at."""
        judged = (Judged(signal, self.meanings[signal.name, signal.value]) for signal in signals)
        return tuple(found for found in judged if found.meaning != IGNORE)

    def decide(self, signals: Iterable[Signal]) -> Evidence:
        return decide(self.judge(signals))

    def reads(self, *names: str) -> bool:
        """Tell whether any row of these signals has a meaning."""
        return any(meaning != IGNORE for (name, _), meaning in self.meanings.items() if name.split("/")[0] in names)

    def can_forbid(self, name: str) -> bool:
        return any(meaning == FORBID for (row, _), meaning in self.meanings.items() if row == name)


def load_vocabulary(options: PolicyOptions) -> Vocabulary:
    """Return the vocabulary of the options.

    Raises FileNotFoundError for a policy file that is not there, ValueError that names the first thing wrong with it.
    """
    return _vocabulary(options.policy, _read(options.policy_file) if options.policy_file else b"", options.policy_file)


def packaged_rows() -> list[dict[str, str]]:
    """Return the rows of the packaged table, in its order: signal, value, a meaning by preset, why."""
    rows: list[dict[str, str]] = _packaged()["rows"]
    return rows


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as raw:
            return raw.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise FileNotFoundError(f"--policy-file {path}: no such file") from None


@cache
def _packaged() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VOCABULARY_FILE.read_bytes())
    return found


@lru_cache(maxsize=16)
def _vocabulary(preset: str, given: bytes, path: str) -> Vocabulary:
    table = _packaged()
    meanings = {(row["signal"], row["value"]): row[preset] for row in table["rows"]}
    files, crawlers = table["files"][preset], table["ai_crawlers"]
    if given:
        own = _checked(given, f"--policy-file {path}")
        for row in own.get("rows", ()):
            meanings[row["signal"], row["value"]] = row.get(preset, meanings[row["signal"], row["value"]])
        files = own.get("files", {}).get(preset, files)
        crawlers = own.get("ai_crawlers", crawlers)
    made_of = json.dumps([sorted(map(list, meanings.items())), sorted(files), sorted(crawlers)])
    tokens = tuple(dict.fromkeys(crawler.lower() for crawler in crawlers))
    asked = tuple(name for name in SITE_FILES if name in files)
    return Vocabulary(meanings, asked, tokens, hashlib.sha256(made_of.encode()).hexdigest())


def _checked(given: bytes, where: str) -> dict[str, Any]:
    """Return a user's table. Raises ValueError: it may name nothing that the packaged one does not know."""
    if len(given) > MAX_FILE_BYTES:
        raise ValueError(f"{where}: expected at most {MAX_FILE_BYTES} bytes")
    try:
        table = json.loads(given)
    except (ValueError, RecursionError):
        raise ValueError(f"{where}: expected JSON in the form of vocabulary.json") from None
    if not isinstance(table, dict):
        raise ValueError(f"{where}: expected an object with rows, files or ai_crawlers, found {type(table).__name__}")
    for name in table:
        if name not in ("rows", "files", "ai_crawlers"):
            raise ValueError(f"{where}: expected rows, files or ai_crawlers, found {name!r}")
    rows = table.get("rows", [])
    if not isinstance(rows, list):
        raise ValueError(f"{where}: expected rows as a list, found {rows!r:.80}")
    for number, row in enumerate(rows):
        _check_row(row, f"{where}: row {number}")
    _check_files(table.get("files", {}), where)
    crawlers = table.get("ai_crawlers", [])
    if not isinstance(crawlers, list) or not all(isinstance(crawler, str) and crawler for crawler in crawlers):
        raise ValueError(f"{where}: expected ai_crawlers as a list of names, found {crawlers!r:.80}")
    return table


def _check_row(row: Any, where: str) -> None:
    known = {(known["signal"], known["value"]) for known in packaged_rows()}
    if not isinstance(row, dict) or not isinstance(row.get("signal"), str) or not isinstance(row.get("value"), str):
        raise ValueError(f"{where}: expected an object with signal and value, found {row!r:.80}")
    if row["signal"] not in {signal for signal, _ in known}:
        raise ValueError(f"{where}: unknown signal {row['signal']!r:.80}")
    if (row["signal"], row["value"]) not in known:
        values = sorted(value for signal, value in known if signal == row["signal"])
        raise ValueError(f"{where}: unknown value {row['value']!r:.80} of {row['signal']!r}; expected one of {values}")
    for name, meaning in row.items():
        if name in ("signal", "value", "why"):
            continue
        if name not in PRESETS:
            raise ValueError(f"{where}: unknown preset {name!r:.80}; expected one of {list(PRESETS)}")
        if meaning not in MEANINGS:
            raise ValueError(f"{where}: unknown meaning {meaning!r:.80} of {name}; expected one of {list(MEANINGS)}")


def _check_files(files: Any, where: str) -> None:
    if not isinstance(files, dict):
        raise ValueError(f"{where}: expected files as an object of presets, found {files!r:.80}")
    for preset, names in files.items():
        if preset not in PRESETS:
            raise ValueError(f"{where}: files: unknown preset {preset!r:.80}; expected one of {list(PRESETS)}")
        if not isinstance(names, list) or not all(name in SITE_FILES for name in names):
            raise ValueError(f"{where}: files: expected some of {list(SITE_FILES)} for {preset}, found {names!r:.80}")
