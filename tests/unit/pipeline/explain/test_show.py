"""Facts on a terminal: strangers' words neither steer it nor vanish as markup."""

import json
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.explain.show import print_facts
from pipeline.summary import print_table

HOSTILE = "a [red]dog[/red] \x1b]0;title\x07\x1b[31m\x9b2J\x00 \u202egnp"
FACTS = {
    "pairs": [
        {
            "pair_id": "00", "url": f"http://a.example/{HOSTILE}", "caption": HOSTILE, "rank": 12345, "selected": True,
            "queries": [{"query_id": 1, "query": HOSTILE, "kept": True, "why": None}],
        }
    ]
}  # fmt: skip


def obeyed(text: str) -> list[str]:
    return [character for character in text if not character.isprintable() and character != "\n"]


def test_captions_are_printed_as_they_stand_but_for_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts(FACTS, as_json=False)
    said = capsys.readouterr().out
    assert obeyed(said) == []
    assert "[red]dog[/red]" in said.replace("│", "").replace("\n", "").replace(" ", "")
    assert "12,345" in said


def test_json_is_escaped_and_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts(FACTS, as_json=True)
    said = capsys.readouterr().out
    assert obeyed(said) == []
    assert json.loads(said) == FACTS


def test_a_path_with_brackets_keeps_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("collect", [("in", "st*r [x] {y}\x1b[31m")])
    assert "st*r [x] {y}\ufffd[31m" in capsys.readouterr().out


def test_an_error_over_a_strange_path_is_one_safe_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["balance", "--candidates", f"{tmp_path}/\x1b[31mred\n[x]", "--output", f"{tmp_path}/out"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path}/\ufffd[31mred [x]: no such folder")
