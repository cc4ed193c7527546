"""Pages of a dump: how they are packed, what is broken, what bounds hold."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from querygen.wiki import dump, page_cuts
from querygen.wiki.bzip2 import blocks as bzip2_blocks
from querygen.wiki.dump import DumpFile
from schemas import packed

HEADER = (
    '<mediawiki xml:lang="la"><siteinfo><base>https://la.wikipedia.org/wiki/Pagina%20prim%C4%81</base><namespaces>'
    '<namespace key="6" case="first-letter">Fasciculus</namespace><namespace key="0" case="first-letter" />'
    "</namespaces></siteinfo>\n"
)


def page(title: str, text: str, namespace: int = 0, redirect: str = "") -> str:
    moved = f'<redirect title="{redirect}" />' if redirect else ""
    return (
        f"<page><title>{title}</title><ns>{namespace}</ns><id>1</id>{moved}<revision><id>2</id>"
        f'<text bytes="1" xml:space="preserve">{text}</text></revision></page>\n'
    )


PAGES = page("Canis", "Canis &amp; feles &lt;b&gt;") + page("Lupus", "", redirect="Canis") + page("Usor:X", "u", 2)


WHOLE = (HEADER + PAGES + "</mediawiki>\n").encode()


def read(path: Path, data: bytes) -> tuple[DumpFile, list[dump.Page]]:
    path.write_bytes(data)
    found = DumpFile(str(path), path.name)
    return found, list(found)


@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        bz2.compress,
        gzip.compress,
        lzma.compress,
        lambda data: bz2.compress(data[:300]) + bz2.compress(data[300:400]) + bz2.compress(data[400:]),
    ],
)
def test_pages_of_any_packing(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    found, pages = read(tmp_path / "d", pack(WHOLE))
    assert [(p.title, p.namespace, p.redirect) for p in pages] == [
        ("Canis", 0, None), ("Lupus", 0, "Canis"), ("Usor:X", 2, None)
    ]  # fmt: skip
    assert pages[0].text == b"Canis & feles <b>"
    assert found.rejections == []
    assert found.num_bytes == len(WHOLE)
    assert found.site.main_page == "Pagina primā"
    assert found.site.language == "la"
    assert found.site.namespaces[6] == ("File", "Fasciculus")


def test_position_by_packing(tmp_path: Path) -> None:
    place = WHOLE.index(b"<page><title>Lupus")
    for pack in (bytes, gzip.compress, lzma.compress):
        _, pages = read(tmp_path / "d", pack(WHOLE))
        assert pages[1].position == place
    head = bz2.compress(WHOLE[: place - 2])  # the block in which it begins, not that in which the page before ends
    cut_tag = bz2.compress(WHOLE[place - 2 : place + 3])
    _, pages = read(tmp_path / "d", head + cut_tag + bz2.compress(WHOLE[place + 3 :]))
    assert [page.position for page in pages] == [4, len(head) + 4, len(head + cut_tag) + 4]


def test_pieces_of_any_size_give_the_same_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, wanted = read(tmp_path / "d", WHOLE)
    for size in (1, 2, 5, 6, 7, 8, 100):
        monkeypatch.setattr(packed, "READ_BYTES", size)
        monkeypatch.setattr(bzip2_blocks, "READ_BYTES", size)
        found, pages = read(tmp_path / "d", WHOLE)
        assert pages == wanted
        assert found.rejections == []
        assert found.site.main_page == "Pagina primā"
        found, packed_pages = read(tmp_path / "d", bz2.compress(WHOLE))
        assert [(page.title, page.text) for page in packed_pages] == [(page.title, page.text) for page in wanted]
        assert found.rejections == []


def test_utf16_is_read(tmp_path: Path) -> None:
    _, wanted = read(tmp_path / "d", WHOLE)
    found, pages = read(tmp_path / "d", gzip.compress(WHOLE.decode().encode("utf-16"), mtime=0))
    assert pages == wanted
    assert found.rejections == []
    found, pages = read(tmp_path / "d", bz2.compress(WHOLE.decode().encode("utf-16")))
    assert [page.title for page in pages] == [page.title for page in wanted]
    assert found.rejections == []


def test_file_without_end_is_truncated(tmp_path: Path) -> None:
    cut = WHOLE[: WHOLE.index(b"<title>Lupus") + 3]
    found, pages = read(tmp_path / "d", cut)
    assert [p.title for p in pages] == ["Canis"]
    (rejection,) = found.rejections
    assert rejection[:3] == ("file_truncated", "d", WHOLE.index(b"<page><title>Lupus"))


BARE = (page("A", "a") + page("B", "b")).encode()


@pytest.mark.parametrize(
    ("data", "position"),
    [
        pytest.param(BARE, None, id="pages alone"),
        pytest.param(BARE.rstrip(), None, id="no line end"),
        pytest.param(b"\n " + BARE + b"\n" * 99, None, id="space around"),
        pytest.param(BARE + b"</mediawiki>\n", None, id="the end of a dump"),
        pytest.param(BARE[:-9], BARE.rindex(b"<page>"), id="cut within a page"),
        pytest.param(BARE + b"<pag", len(BARE) + 4, id="cut within a tag"),
        pytest.param(HEADER.encode() + BARE, len(HEADER.encode() + BARE), id="a dump without its end"),
    ],
)
@pytest.mark.parametrize("size", [7, 31, 300, 1 << 20])
def test_bare_pages_are_a_whole_file_where_the_last_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, position: int | None, size: int
) -> None:
    monkeypatch.setattr(packed, "READ_BYTES", size)
    for pack in (bytes, lambda data: gzip.compress(data, mtime=0)):
        found, pages = read(tmp_path / "d", pack(data))
        assert [row[:3] for row in found.rejections] == ([("file_truncated", "d", position)] if position else [])
        assert [p.title for p in pages] == (["A"] if data == BARE[:-9] else ["A", "B"])


def test_truncated_packing_gives_what_is_whole(tmp_path: Path) -> None:
    packed = bz2.compress(HEADER.encode() + page("A", "a").encode())
    rest = bz2.compress(page("B", "b").encode())
    found, pages = read(tmp_path / "d", packed + rest[:-8])
    assert [p.title for p in pages][:1] == ["A"]
    assert found.rejections[0][0] == "file_truncated"


def test_broken_packing_is_reported_from_there(tmp_path: Path) -> None:
    packed = bz2.compress(HEADER.encode() + page("A", "a").encode())
    found, pages = read(tmp_path / "d", packed + b"BZh9 this is no block at all, and long enough")
    assert [p.title for p in pages] == ["A"]
    damage, *others = found.rejections
    assert damage[:3] == ("block_damaged", "d", len(packed))
    assert [row[0] for row in others] == ["file_truncated"]  # </mediawiki> is missing too
    found, pages = read(
        tmp_path / "d",
        gzip.compress(HEADER.encode() + page("A", "a").encode(), mtime=0) + b"\x1f\x8bno gzip, and long enough",
    )
    assert [p.title for p in pages] == ["A"]
    assert [row[0] for row in found.rejections] == ["file_unreadable"]


def test_malformed_pages_are_rejected_one_by_one(tmp_path: Path) -> None:
    no_text = "<page><title>T</title><ns>0</ns></page>"
    no_title = "<page><ns>0</ns><text>x</text></page>"
    bad_number = page("U", "x").replace("<ns>0", "<ns>zero")
    data = (HEADER + no_text + no_title + bad_number + page("V", "v") + "</mediawiki>").encode()
    data = data.replace(
        b"</mediawiki>", page("W", "w").encode().replace(b"W</title>", b"\xff</title>") + b"</mediawiki>"
    )
    found, pages = read(tmp_path / "d", data)
    assert [p.title for p in pages] == ["V"]
    assert [row[0] for row in found.rejections] == ["page_malformed"] * 4
    assert found.rejections[0][2] == data.index(b"<page>")


def test_too_long_page_is_rejected_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cuts, "MAX_PAGE_BYTES", 2000)
    monkeypatch.setattr(packed, "READ_BYTES", 512)
    data = (HEADER + page("A", "a") + page("Long", "x" * 9000) + page("B", "b") + "</mediawiki>").encode()
    found, pages = read(tmp_path / "d", data)
    assert [p.title for p in pages] == ["A", "B"]
    assert [row[0] for row in found.rejections] == ["page_malformed"]


def test_a_file_that_is_no_dump(tmp_path: Path) -> None:
    found, pages = read(tmp_path / "d", b"not a dump\n" * 1000)
    assert pages == []
    assert [row[0] for row in found.rejections] == ["file_truncated"]


def test_the_last_revision_counts(tmp_path: Path) -> None:
    history = page("A", "old").replace("</page>", "<revision><text>new</text></revision></page>")
    _, pages = read(tmp_path / "d", (HEADER + history + "</mediawiki>").encode())
    assert pages[0].text == b"new"


def test_no_entity_is_expanded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + HEADER + page("A", "&b;") + "</mediawiki>"
    _, pages = read(tmp_path / "d", bomb.encode())
    assert pages[0].text == b"&b;"
