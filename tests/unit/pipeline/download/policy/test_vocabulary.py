"""The table of signals: whole, checked, replaced by a user's."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.download.policy.evidence import MEANINGS, Signal
from pipeline.download.policy.options import PolicyOptions
from pipeline.download.policy.vocabulary import PRESETS, load_vocabulary, packaged_rows


def given(tmp_path: Path, table: Any, **options: Any) -> PolicyOptions:
    path = tmp_path / "own.json"
    path.write_text(table if isinstance(table, str) else json.dumps(table))
    return PolicyOptions(policy_file=str(path), **options)


def test_each_row_has_a_meaning_in_each_preset_and_a_reason() -> None:
    rows = packaged_rows()
    assert len({(row["signal"], row["value"]) for row in rows}) == len(rows)
    for row in rows:
        assert set(row) == {"signal", "value", "why", *PRESETS}
        assert {row[preset] for preset in PRESETS} <= set(MEANINGS)


def test_strict_forbids_whatever_another_preset_does() -> None:
    for row in packaged_rows():
        assert row["strict"] == "forbid" or "forbid" not in (row["respect-explicit"], row["headers-only"]), row


def test_a_users_rows_replace_those_of_the_table(tmp_path: Path) -> None:
    signal = Signal("header", "content-usage/train-ai", "n", "n")
    table = {"rows": [{"signal": signal.name, "value": "n", "respect-explicit": "unknown"}], "ai_crawlers": ["NewBot"]}
    own, plain = load_vocabulary(given(tmp_path, table)), load_vocabulary(PolicyOptions())
    assert (own.decide([signal]).decision, plain.decide([signal]).decision) == ("allow", "forbid")
    assert own.ai_crawlers == ("newbot",)
    assert own.sha256 != plain.sha256
    strict = load_vocabulary(given(tmp_path, table, policy="strict"))
    assert strict.decide([signal]).decision == "forbid"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("no json", "expected JSON"),
        ([], "expected an object with rows"),
        ({"presets": []}, "found 'presets'"),
        ({"rows": {}}, "expected rows as a list"),
        ({"rows": [{"value": "n"}]}, "row 0: expected an object with signal and value"),
        ({"rows": [{"signal": "train", "value": "n"}]}, "row 0: unknown signal 'train'"),
        ({"rows": [{"signal": "tdm-reservation", "value": "2"}]}, "unknown value '2' of 'tdm-reservation'"),
        ({"rows": [{"signal": "rsl", "value": "silent", "lax": "allow"}]}, "unknown preset 'lax'"),
        ({"rows": [{"signal": "rsl", "value": "silent", "strict": "no"}]}, "unknown meaning 'no' of strict"),
        ({"files": {"strict": ["humans.txt"]}}, "files: expected some of"),
        ({"files": {"lax": []}}, "files: unknown preset 'lax'"),
        ({"ai_crawlers": [7]}, "expected ai_crawlers as a list of names"),
    ],
    ids=[
        "no json", "list", "key", "rows", "signal lacks", "signal", "value", "preset", "meaning", "file",
        "preset of files", "crawlers",
    ],
)  # fmt: skip
def test_a_table_of_another_form_is_one_line(tmp_path: Path, table: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        load_vocabulary(given(tmp_path, table))
    assert "own.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--policy-file .*: no such file"):
        load_vocabulary(PolicyOptions(policy_file=str(tmp_path / "none.json")))
