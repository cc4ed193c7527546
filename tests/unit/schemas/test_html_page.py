"""Texts of the data on a page: escaped by the template, printable, cut; numbers with their thousands apart."""

from schemas.html_page import LONG_VALUE, number, page_template, percent, shown, values


def test_texts_of_strangers_are_printable_and_cut() -> None:
    assert shown("a\u202eb\x1b") == "a\ufffdb\ufffd"
    assert shown("x" * 10_000) == "x" * LONG_VALUE + "\u2026"
    assert shown("x" * LONG_VALUE) == "x" * LONG_VALUE


def test_numbers() -> None:
    assert [number(value) for value in (None, True, 1234, 1234.5678, "1")] == ["\u2013", "True", "1,234", "1,235", "1"]
    assert (percent(1, 3), percent(1, 0)) == ("33.3%", "\u2013")
    assert values({"text": "a", "tag_count": 1000}) == "tag count 1,000"


def test_a_template_of_a_package_escapes() -> None:
    environment = page_template("querygen.report", "page.html").environment
    assert environment.from_string("{{ text }}").render(text="<b>") == "&lt;b&gt;"
