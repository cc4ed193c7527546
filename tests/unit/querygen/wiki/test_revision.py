"""Which text of a page is read: the main slot of the last revision, whatever else the page holds, in any order."""

import itertools
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen.command import main
from querygen.counts.count_pages import DumpCounts
from querygen.wiki.page import Page, parse_page, unescape
from querygen.wiki.revision import MAX_MODEL_CHARACTERS, main_text
from tests.unit.querygen.counts.test_count_pages import count, counted_words

MAIN = "A lighthouse is a tower."
CAPTION = '{"labels": {"en": {"language": "en", "value": "harbour"}}}'
MODEL, FORMAT = "<model>wikitext</model>", "<format>text/x-wiki</format>"
TEXT = f'<text bytes="24" sha1="abc" xml:space="preserve">{MAIN}</text>'


def content(role: str = "mediainfo", text: str = CAPTION, model: str = "wikibase-mediainfo") -> str:
    return (
        f"<content><role>{role}</role><origin>7</origin><model>{model}</model><format>application/json</format>"
        f'<text bytes="9" sha1="x" xml:space="preserve">{escape(text)}</text></content>'
    )


def revision(*parts: str) -> str:
    contributor = "<contributor><username>A</username><id>3</id></contributor><comment>model, text</comment>"
    return f"<revision><id>2</id>{contributor}<origin>2</origin>{''.join(parts)}<sha1>q</sha1></revision>"


def parsed(*revisions: str) -> Page:
    page = parse_page(("<title>Lighthouse</title><ns>0</ns><id>1</id>" + "".join(revisions)).encode(), 0)
    assert page is not None
    return page


def dump(path: Path, *bodies: str) -> str:
    pages = "".join(f"<page><title>P{i}</title><ns>0</ns>{body}</page>\n" for i, body in enumerate(bodies))
    path.write_text(f'<mediawiki version="0.11">{pages}</mediawiki>\n')
    return str(path)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([MODEL, FORMAT, TEXT, content()], id="behind"),
        pytest.param([content(), MODEL, FORMAT, TEXT], id="before"),
        pytest.param([MODEL, content(), FORMAT, content("other", "words"), TEXT, content("third", "x")], id="around"),
        pytest.param([TEXT, content(), MODEL, FORMAT], id="model last"),
        pytest.param([TEXT, content("other", "plain words", "wikitext")], id="another of wikitext"),
        pytest.param([TEXT, content("main", "words", "wikitext")], id="a content that says main, too"),
        pytest.param([content("other", "words", "wikitext"), content("main", MAIN, "wikitext")], id="only contents"),
        pytest.param([MODEL, TEXT, '<content><role>x</role><text deleted="deleted" /></content>'], id="deleted other"),
        pytest.param([TEXT, "<content />", content()], id="an empty content"),
        pytest.param([TEXT, "<content><text>x</text><role>other</role></content>"], id="role behind text"),
        pytest.param([TEXT.replace("<text", "<text\n  "), content()], id="line end in the tag"),
        pytest.param([TEXT, "<textual>words</textual><contents>more</contents>"], id="names that begin alike"),
    ],
)
def test_the_main_slot_is_read(parts: list[str]) -> None:
    page = parsed(revision(*parts))
    assert (page.text, page.model, page.is_plain, page.is_absent) == (MAIN.encode(), "wikitext", False, False)


def test_of_several_revisions_the_last_is_read_with_its_own_slots() -> None:
    old = revision("<model>json</model>", "<text>old</text>", content("main", "older"))
    assert parsed(old, revision(MODEL, TEXT, content())).text == MAIN.encode()
    assert parsed(revision(MODEL, TEXT), revision("<model>json</model>", "<text>{}</text>")).model == "json"
    assert parsed(revision(TEXT), "<upload><contents>aGk=</contents><text>file</text></upload>").text == MAIN.encode()


ATTRIBUTES = ['bytes="24"', 'sha1="a/b"', 'xml:space="preserve"', "id='5'", 'location="a>b"']


@pytest.mark.parametrize("order", range(len(ATTRIBUTES)))
def test_attributes_stand_in_any_order(order: int) -> None:
    for some in itertools.permutations(ATTRIBUTES, order + 1):
        page = parsed(revision(f"<text {' '.join(some)}>{MAIN}</text>"))
        assert (page.text, page.is_absent) == (MAIN.encode(), False)


@pytest.mark.parametrize(
    ("tag", "is_absent"),
    [
        pytest.param('<text bytes="0" sha1="" />', False, id="empty"),
        pytest.param("<text/>", False, id="bare"),
        pytest.param('<text xml:space="preserve"></text>', False, id="nothing in it"),
        pytest.param('<text bytes="1234" id="99" />', True, id="stub"),
        pytest.param("<text id='99' location='tt:99' bytes='1234'/>", True, id="stub, single quotes"),
        pytest.param('<text bytes="24" sha1="x" deleted="deleted" />', True, id="deleted"),
        pytest.param('<text deleted="deleted"/>', True, id="deleted, nothing else said"),
        pytest.param('<text xml:space="preserve" deleted="deleted"></text>', True, id="deleted, not self-closing"),
        pytest.param('<text comment="not deleted=yes" bytes="0"/>', False, id="a value that names it"),
    ],
)
def test_texts_that_the_dump_lacks_are_told_from_empty_ones(tag: str, is_absent: bool) -> None:
    page = parsed(revision(MODEL, tag, content()))
    assert (page.text, page.is_absent) == (b"", is_absent)


@pytest.mark.parametrize(
    ("parts", "model", "text"),
    [
        pytest.param(["<model>json</model>"], "json", b"", id="json"),
        pytest.param(["<model>sanitized-css</model>", "<format>text/css</format>"], "sanitized-css", b"", id="css"),
        pytest.param(["<model>Scribunto</model>", "<format>text/plain</format>"], "Scribunto", b"", id="Scribunto"),
        pytest.param(["<format>application/json</format>"], "application/json", b"", id="format alone"),
        pytest.param(["<format>text/x-wiki</format>"], "wikitext", MAIN.encode(), id="format of wikitext alone"),
        pytest.param(["<model />", FORMAT], "wikitext", MAIN.encode(), id="no model said"),
        pytest.param([], "wikitext", MAIN.encode(), id="nothing said"),
        pytest.param(["<model> wikitext\n</model>"], "wikitext", MAIN.encode(), id="spaces"),
        pytest.param(["<model>text</model>"], "text", MAIN.encode(), id="plain text"),
        pytest.param([f"<model>{'x' * 999}</model>"], "x" * MAX_MODEL_CHARACTERS, b"", id="long name"),
    ],
)
def test_only_prose_is_read(parts: list[str], model: str, text: bytes) -> None:
    page = parsed(revision(*parts, TEXT))
    assert (page.model, page.text, page.is_plain) == (model, text, model == "text")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<revision><id>1</id></revision>", id="no text"),
        pytest.param("<revision><text>open</revision>", id="open"),
        pytest.param("<revision><text bytes=</revision>", id="open tag"),
        pytest.param(revision(content()), id="another slot only"),
        pytest.param("", id="nothing"),
    ],
)
def test_no_main_text_is_none(body: str) -> None:
    assert parse_page(f"<title>T</title>{body}".encode(), 0) is None


def test_half_tags_cost_no_more_than_their_bytes() -> None:
    assert main_text(b"<revision>" + b'<text a="' * 300_000) is None
    assert main_text(b"<revision>" + b"<text " * 300_000 + b"x" * 1_000_000) is None
    for tag in (b"<revision>", b"<content>", b"<model>", b"</content>"):
        assert main_text(b"<revision>" + tag * 300_000) is None


NAMES = st.sampled_from(["wikitext", "json", "text", ""])
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=20)
SLOTS = st.lists(st.tuples(st.sampled_from(["mediainfo", "other"]), NAMES, WORDS), max_size=3)


@given(st.lists(st.tuples(NAMES, WORDS, SLOTS, st.booleans()), min_size=1, max_size=3))
def test_a_dump_of_the_schema_is_read_as_an_xml_parser_reads_it(
    revisions: list[tuple[str, str, list[tuple[str, str, str]], bool]],
) -> None:
    body = "".join(
        revision(
            f"<model>{model}</model>", FORMAT, f"<text>{escape(text)}</text>" if text or full else "<text />",
            *(content(role, words, name) for role, name, words in slots),
        )
        for model, text, slots, full in revisions
    )  # fmt: skip
    last = ElementTree.fromstring(f"<page>{body}</page>").findall("revision")[-1]
    found = main_text(body.encode())
    assert found is not None
    assert unescape(found.escaped).decode() == (last.findtext("text") or "")
    assert found.model == (last.findtext("model") or "wikitext")


def counted(path: Path, *bodies: str) -> DumpCounts:
    return count(path / "runs", [dump(path / "d.xml", *bodies)])


def test_words_of_other_slots_are_not_counted(tmp_path: Path) -> None:
    counts = counted(tmp_path, revision(MODEL, FORMAT, TEXT, content()))
    assert counted_words(counts) == {"a": 2, "lighthouse": 1, "is": 1, "tower": 1}


def test_every_page_is_counted_under_what_became_of_it(tmp_path: Path) -> None:
    counts = counted(
        tmp_path,
        revision(MODEL, TEXT),
        revision("<model>json</model>", "<text>words of json</text>"),
        revision("<model>css</model>", "<text>words of css</text>"),
        revision("<model>json</model>", "<text>more</text>"),
        revision("<model>text</model>", "<text>plain [[words]]</text>"),
        revision(MODEL, '<text bytes="9" deleted="deleted" />'),
        '<redirect title="P0" />' + revision(MODEL, "<text>#REDIRECT [[P0]]</text>"),
        "<revision></revision>",
    )
    assert counted_words(counts) == {"a": 2, "lighthouse": 1, "is": 1, "tower": 1, "plain": 1, "words": 1}
    found = counts.statistics
    wanted = {"articles": 2, "redirects": 1, "other_namespaces": 0, "other_models": 3, "absent_texts": 1}
    assert found | wanted == found
    assert counts.models == {"json": 2, "css": 1}
    assert [row[0] for row in counts.rejections] == ["page_malformed"]
    assert found["pages"] + len(counts.rejections) == sum(wanted.values()) + 1 == 8


def test_count_says_what_it_left_out_and_takes_bare_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(dump(tmp_path / "d.xml", revision(MODEL, TEXT), revision("<model>json</model>", "<text>{}</text>")))
    path.write_text(path.read_text().removeprefix('<mediawiki version="0.11">').removesuffix("</mediawiki>\n"))
    main(["count", "--dump", str(path), "--output", f"{tmp_path}/c", "--count-floor", "1", "--num-processes", "1"])
    assert "left out: 1 whose content is no prose (json 1)\n" in capsys.readouterr().out
    summary = json.loads((tmp_path / "c" / "manifest.json").read_text())["summary"]
    assert (summary["models"], summary["rejections"]) == ({"json": 1}, {})


def test_a_dump_of_stubs_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = dump(tmp_path / "stub.xml", *[revision(MODEL, '<text bytes="24" id="5" />')] * 3)
    with pytest.raises(SystemExit) as ended:
        main(["count", "--dump", path, "--output", f"{tmp_path}/c", "--num-processes", "1"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "(3 pages; 3 whose text the dump lacks (deleted, or a dump of stubs))" in error
    assert len(error.splitlines()) == 1
