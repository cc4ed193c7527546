"""What strangers wrote is printed without what a terminal obeys."""

import json
import logging

import pytest

from schemas.printable import PrintableFormatter, one_line, print_error, print_lines, printable, printable_json

OBEYED = {
    "ESC": "\x1b]0;title\x07", "C0": "\x00\x08\x7f", "C1": "\x9b31m\x90", "bidi": "\u202egnp\u202c\u2066\u2069\u200e",
    "line ends": "\u2028\u2029", "surrogate": "\ud800", "tags": "\U000e0041",
}  # fmt: skip


@pytest.mark.parametrize("text", OBEYED.values(), ids=[name.replace(" ", "-") for name in OBEYED])
def test_what_a_terminal_obeys_is_replaced_or_escaped(text: str) -> None:
    shown = printable(f"a{text}b")
    assert shown.startswith("a")
    assert shown.endswith("b")
    assert "\ufffd" in shown
    assert not any(character in shown for character in text if not character.isprintable())
    as_json = printable_json({"caption": f"a{text}b"}, indent=2)
    assert not any(character in as_json for character in text if not character.isprintable())
    assert json.loads(as_json) == {"caption": f"a{text}b"}


WORDS = {
    "Latin and Han": "Zürich 東京", "a joined emoji": "👩\u200d🚀", "Persian with a non-joiner": "می\u200cخواهم",
    "a fixed blank": "10\u00a0€", "a mark": "e\u0301",
}  # fmt: skip


@pytest.mark.parametrize("text", WORDS.values(), ids=[name.replace(" ", "-") for name in WORDS])
def test_words_of_all_scripts_stay(text: str) -> None:
    assert printable(text) == text
    assert text in printable_json([text])


def test_an_error_is_one_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("https://u:p@h/\x1b[31m/a?k=1:\n  no such\tfile")
    assert capsys.readouterr().err == "error: https://h/\ufffd[31m/a no such file\n"
    assert one_line("a [x]\n\nb") == "a [x] b"


def test_lines_end_where_they_end(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines(["a", "b\x1b[31m", "c\nd", ""])
    assert capsys.readouterr().out == "a\nb\ufffd[31m\nc\ufffdd\n\n"


def test_log_records_keep_their_lines() -> None:
    record = logging.LogRecord("a", logging.WARNING, "f", 1, "%s:\n%s", ("\x1b[31m", "http://u:p@h/x"), None)
    assert PrintableFormatter().format(record) == "\ufffd[31m:\nhttp://h/x"
