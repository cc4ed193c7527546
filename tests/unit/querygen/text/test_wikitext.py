"""Wikitext to text: each construct, and the laws."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.text.wikitext import TextExtractor
from querygen.wiki.dump import SiteInfo

EXTRACTOR = TextExtractor(SiteInfo())


def extract(wikitext: str) -> str:
    text, _ = EXTRACTOR.extract(wikitext.encode())
    return text


def extract_words(wikitext: str) -> list[str]:
    return extract(wikitext).split()


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("plain text", "plain text"),
        ("a [[dog]] b", "a dog b"),
        ("a [[dog|hound]]s b", "a hounds b"),
        ("a [[dog|one|two]] b", "a one|two b"),
        ("[[:Category:Dogs]]", "Category:Dogs"),
        ("'''Bold''' and ''italic'' and '''''both''''' don't", "Bold and italic and both don't"),
        ("H<sub>2</sub>O", "H2O"),
        ("x<ref name=a>cite</ref>, y<ref name=b />.", "x, y."),
        ("one<!-- {{two -->three", "onethree"),
        ("[http://example.org the label] rest", " the label rest"),
        pytest.param("fish &amp; chips &lt;b&gt; caf&eacute; &#65;&#x42;", "fish & chips <b> café AB", id="entities"),
        ("<nowiki>[[a]] {{b}}</nowiki>", "[[a]] {{b}}"),
        ("__NOTOC__x", "x"),
        ("a_b __init__ c", "a_b __init__ c"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ("a [not a link] {b} ]c[ }d{", "a [not a link] {b} ]c[ }d{"),
        ("''Iliad'''s story", "Iliad's story"),
        ("l'''Iliade'' et '''b'''", "l'Iliade et b"),
        pytest.param("the d'''é'''tat x '''y'' z", "the d'état x y z", id="bold letter inside a word"),
        ("''a'' '''b ''' c'', '''''both'' bold'''", "a b  c, both bold"),
        ("''''four'''' and '''''''seven'''''''", "'four' and ''seven''"),
        pytest.param("''open\nnext'''s line", "open\nnexts line", id="open italics end with the line"),
        pytest.param(
            "15{{nbsp}}May 1900{{ndash}}1910 Eagle{{'}}s Title{{'s}} a{{=}}b",
            "15\xa0May 1900–1910 Eagle's Title's a=b",
            id="templates that are characters",
        ),
        ("a [[dog{{!}}hound]] b", "a hound b"),
        ('x<ref name="a/b" />, y<ref name=\'q "r"\'>cite</ref>, z<ref name=x/>.', "x, y, z."),
        ("a<nowiki/>b <nowiki />c", "ab c"),
        ("[[dog<!-- [[x]] -->|ho<!-- ]] -->und]]", "hound"),
        ("[[:File:x.jpg|the file]] [[:Category:Dogs|dogs]]", "the file dogs"),
        pytest.param(
            "a&nbsp;b a&shy;b \u200fשלום\u200e so\u00adft",
            "a\xa0b a\xadb \u200fשלום\u200e so\u00adft",
            id="invisible characters",
        ),
        pytest.param(
            "中-{zh-hans:国;zh-hant:國}-人 -{T|zh:x}--{H|zh-cn:a;zh-tw:b}-文 -{原文}-",
            "中国人 文 原文",
            id="language variants",
        ),
        pytest.param(
            "-{zh-hans;zh-hant|字}- -{zh-cn:[[a|乙]]; zh-tw:[[a|丙]];}-丁", "字 乙丁", id="language variants of links"
        ),
        ("a -{b", "a -{b"),
        ('<code>x</code> <span lang="la">y</span> <b>z</b>', "x y z"),
    ],
)
def test_inline_markup(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        ("a {{t|x=1|[[l|m]]|{{u|{{v}}}}}} b", ["a", "b"]),
        ("a {{{param|default}}} b", ["a", "}", "b"]),
        pytest.param("{{Infobox\n| name = x\n| image = y.jpg\n}}\n'''Foo''' is", ["Foo", "is"], id="infobox"),
        pytest.param("a\n{| class=x\n! h\n|-\n| c || d\n{|\n| inner\n|}\n|}\nb", ["a", "b"], id="table in a table"),
        pytest.param("a\n:{| class=x\n| c\n|}\nb", ["a", "b"], id="indented table"),
        ("{{t|{|}} b", ["b"]),
        ("[[File:x.jpg|thumb|200px|A [[dog|hound]] and [http://x y]]] b", ["b"]),
        ("[[image:x.jpg|left]] b [[Category:Dogs]] c [[ category : Cats]]", ["b", "c"]),
        ("b [[de:Hund]] [[zh-yue:X]] [[simple:Dog]]", ["b"]),
        ("a <math>x^2 {{</math> b", ["a", "b"]),
        pytest.param("<gallery>\nFile:x.jpg|cap\n</gallery> b", ["b"], id="gallery"),
        ("see http://example.org/a_b?c=d. Then (https://x.org) z", ["see", "Then", "(", "z"]),
        pytest.param(
            "* one\n# two\n:; three\n----\n== four ==\nfive",
            ["one", "two", "three", "----", "four", "five"],
            id="lists and headings",
        ),
        ("<table><tr><td>x</td></tr></table> b", ["b"]),
        ("<REF>x</Ref> b <REFERENCES /> c", ["b", "c"]),
        pytest.param(
            "[[画像:x y.JPG |thumb|[[dog]]s]] b [[Attēls:z.jpeg]] c [[Bild:a.svg",
            ["b", "c", "Bild:a.svg"],
            id="images of other languages",
        ),
        ("[[:Bild:a.svg|the]] [[a.jpg]] [[b.jpg|c]] [[x:d.jpgs|e]]", ["the", "a.jpg", "c", "e"]),
        pytest.param("a\n<!-- x\n-->:{|\n| c\n|}\nb\n<!--\n-->* d", ["a", "b", "d"], id="comments before line starts"),
        pytest.param("{{t|\n<!-- x -->== h ==\nb", ["h", "b"], id="comment before a heading in an open template"),
        ("a<br/>b<br>c<BR />d", ["a", "b", "c", "d"]),
        pytest.param("<pre>\n[[x]] {{y\n</pre> b", ["b"], id="pre"),
        ('<syntaxhighlight lang="c">a < b; {{ x[[</syntaxhighlight> b', ["b"]),
        pytest.param("{{t|\n{|\n| c\n{{u|{|}}\n|}\n}} b", ["b"], id="table in a template"),
        pytest.param("{|\n| {{t|x\n|}\n}} y\n|}\nb", ["b"], id="open template in a table"),
        pytest.param(
            "[[File:x.jpg|thumb|A [[dog|hound [[cat]]]]\n\nand [[File:y.png|20px]] more]] b",
            ["b"],
            id="image over paragraphs",
        ),
        pytest.param(
            "a <gallery mode=packed>\nFile:x.jpg|[[cap]]\nFile:y.jpg\n</gallery> b",
            ["a", "b"],
            id="gallery with options",
        ),
        ("__NOTOC__ __FORCETOC__ {{PAGENAME}} {{DEFAULTSORT:x}} b", ["b"]),
        pytest.param("; term : definition\n:* a\n::# b", ["term", ":", "definition", "a", "b"], id="definition lists"),
        pytest.param("=== H ===\n=====five=====\na = b", ["H", "five", "a", "=", "b"], id="heading levels"),
        pytest.param("<timeline>\nx = [[y]]\n</timeline>b <score>c</score> d", ["b", "d"], id="timeline and score"),
        ("{{a|{{b|{{c}}}}|[[d]]|<ref>{{e}}</ref>|<!-- }} -->}}f", ["f"]),
    ],
)
def test_dropped_constructs(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


@pytest.mark.parametrize(
    "wikitext",
    [
        pytest.param("a {{t | b\n== H ==\nc", id="template"),
        pytest.param("a\n{|\n| b\n== H ==\nc", id="table"),
        pytest.param("a [[File:x|b\n\n[[y]]\n== H ==\nc", id="image"),
        pytest.param("a {{t|[[x|{{u\n== H ==\nc", id="nested"),
    ],
)
def test_what_is_left_open_is_cut_off_at_the_next_heading(wikitext: str) -> None:
    text, unclosed = EXTRACTOR.extract(wikitext.encode())
    assert unclosed
    assert text.split() == ["a", "H", "c"]


@pytest.mark.parametrize("wikitext", ["a {{b", "a <!-- b", pytest.param("a\n{|\nb", id="table"), "a <ref>"])
def test_open_at_the_end_is_told(wikitext: str) -> None:
    text, unclosed = EXTRACTOR.extract(wikitext.encode())
    assert unclosed
    assert text.split() == ["a"]


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [("a [[b", ["a", "b"]), ("a [[b|c", ["a", "c"]), ("a [http://x b", ["a", "b"]), ("a ''b", ["a", "b"]),
     ("a '''b", ["a", "b"]), ("a <br b", ["a", "<br", "b"]), ("a <math> b", ["a", "b"]), ("a <nowiki> b", ["a", "b"]),
     ("== a", ["a"]), ("a </ref> b", ["a", "b"]), ("a }} b ]] c |} d", ["a", "b", "c", "|}", "d"]),
     pytest.param("a -{zh:b\nc", ["a", "-{zh:b", "c"], id="language variant")],
)  # fmt: skip
def test_what_is_left_open_on_a_line_stays_text(wikitext: str, wanted: list[str]) -> None:
    assert extract_words(wikitext) == wanted


def test_templates_thousands_deep() -> None:
    assert extract_words("a " + "{{t|" * 50_000 + "x" + "}}" * 50_000 + " b") == ["a", "b"]
    assert extract_words("a " + "{{t|[[File:x|\n{|\n|" * 5_000 + "\n|}\n]]}}" * 5_000 + " b") == ["a", "b"]
    assert extract_words("a [[File:x|" + "[[File:y|" * 5_000 + "]]" * 5_001 + " b") == ["a", "b"]


def test_lines_stand_for_markup_boundaries() -> None:
    lines = [line.strip() for line in extract("a {{t}} b<br>c\n* d\n\ne").split("\n")]
    assert [line for line in lines if line] == ["a", "b", "c", "d", "e"]


def test_a_link_ends_with_its_line() -> None:
    assert extract_words("[[open\nnext [[b|c]] d") == ["open", "next", "c", "d"]


def test_names_of_the_wiki_are_used() -> None:
    site = SiteInfo(namespaces={6: ("Fichier",), 14: ("Категория",)})
    text, _ = TextExtractor(site).extract("[[fichier:x|y]] a [[Категория:Б]] b [[категория:Б]]".encode())
    assert text.split() == ["a", "b"]


def test_not_utf8_is_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        EXTRACTOR.extract(b"caf\xe9 x")


MARKUP = st.sampled_from(
    ["{{", "}}", "[[", "]]", "{|", "|}", "\n", "\n\n", "|", "==", "\n== h ==\n", "<ref>", "</ref>", "<ref/>", "<!--",
     "-->", "''", "'''", "<nowiki>", "</nowiki>", "<math>", "http://", "https://x", "[http://a b", "]", "[", "__TOC__",
     "File:", "Category:", "de:", "&amp;", "&#", " ", "a", "é", "犬", "{", "}", ":", "*", "<br>", "<", ">", "=", "_",
     "-"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(MARKUP, max_size=80).map("".join)))
def test_any_string_gives_text(wikitext: str) -> None:
    encoded = wikitext.encode("utf-8", "surrogatepass")
    try:
        encoded.decode()
    except UnicodeDecodeError:
        return
    text, _ = EXTRACTOR.extract(encoded)
    assert EXTRACTOR.extract(encoded)[0] == text
    assert len(text) <= len(wikitext) + 16


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"]), max_size=100))
def test_text_without_markup_stays(text: str) -> None:
    assert extract("x" + text) == "x" + text


def test_the_two_forms_of_the_text_are_equal() -> None:
    for wikitext in ("a &amp; b", "a&#10;b&nbsp;c&nGt;", "{{t}} x &#0; &#x80;", "犬 é &bogus;", ""):
        text, unclosed = EXTRACTOR.extract_utf8(wikitext.encode())
        assert (text.tobytes().decode(), unclosed) == EXTRACTOR.extract(wikitext.encode())
    assert extract("a&#10;b&nbsp;c&nGt; &#x80;") == "a\nb\xa0c≫⃒ €"


def test_not_utf8_is_an_error_in_both_forms() -> None:
    for wikitext in (b"caf\xe9 x", b"\xed\xa0\x80", b"x &amp; \xc3"):
        with pytest.raises(UnicodeDecodeError):
            EXTRACTOR.extract_utf8(wikitext)
