"""Pages cut out of pieces: the same however the XML is cut, against a regular expression; losses, ranges, ends."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.wiki import page_cuts
from querygen.wiki.page_cuts import PageCuts
from querygen.wiki.pieces import Piece

Cut = tuple[int, bytes]

SCRAPS = st.sampled_from(
    [b"<page>", b"</page>", b"<page>", b"</page>", b"a", b"<pag", b"page>", b"<", b"/", b"</", b">", b" \n", b"<pages>"]
)
XML = st.lists(SCRAPS, max_size=25).map(b"".join)


def pieces_of(xml: bytes, cuts: list[int], owned_to: int | None = None) -> list[Piece]:
    bounds = sorted({0, len(xml), *(cut % (len(xml) + 1) for cut in cuts), *([owned_to] if owned_to else [])})
    return [
        Piece(data=xml[begin:end], position=begin, owned=owned_to is None or begin < owned_to)
        for begin, end in pairwise(bounds)
    ]


def cut_out(pieces: list[Piece], is_bare: bool = False) -> tuple[list[Cut], list[Cut], PageCuts]:
    rejected: list[Cut] = []
    cuts = PageCuts(lambda position, raw: rejected.append((position, raw)), is_bare=is_bare)
    found: list[Cut] = []
    for piece in pieces:
        if not cuts.is_done:
            found += cuts.add(piece)
    return found, rejected, cuts


def naive(xml: bytes) -> tuple[list[Cut], list[Cut], int]:
    """Return (pages, pages that another one cuts, where one is open at the end or -1)."""
    found, rejected, opening = [], [], -1
    for tag in re.finditer(b"</?page>", xml):
        if tag[0] == b"<page>":
            if opening >= 0:
                rejected.append((opening, xml[opening + 6 : tag.start()]))
            opening = tag.start()
        elif opening >= 0:
            found.append((opening, xml[opening + 6 : tag.start()]))
            opening = -1
    return found, rejected, opening


@settings(max_examples=400)
@given(XML, st.lists(st.integers(0, 200), max_size=12))
def test_pages_are_those_of_the_whole_text_however_it_is_cut(xml: bytes, cuts: list[int]) -> None:
    found, rejected, reader = cut_out(pieces_of(xml, cuts))
    wanted, wanted_rejected, opening = naive(xml)
    assert (found, rejected) == (wanted, wanted_rejected)
    assert not reader.is_done
    assert reader.truncated_at(0) == (opening if opening >= 0 else len(xml))  # </mediawiki> is missing


@settings(max_examples=300)
@given(XML, st.lists(st.integers(0, 200), max_size=12), st.integers(1, 200))
def test_two_ranges_side_by_side_give_each_page_once(xml: bytes, cuts: list[int], border: int) -> None:
    border %= len(xml) + 1
    if border == 0:
        return
    first, first_rejected, _ = cut_out(pieces_of(xml, cuts, owned_to=border))
    rest = [piece for piece in pieces_of(xml, [*cuts, border]) if piece.position >= border]
    second, second_rejected, _ = cut_out(rest)
    wanted, wanted_rejected, opening = naive(xml)
    assert first + second == wanted
    # A page that is open where the range ends is rejected by the next <page>, which the first range may read alone.
    assert [row for row in wanted_rejected if row[0] != opening] == first_rejected + second_rejected


def test_no_page_goes_on_over_a_loss() -> None:
    loss = Piece(data=b"", position=20, owned=True, is_loss=True)
    pieces = [
        Piece(data=b"<page>a</page><page>b", position=0, owned=True),
        loss,
        Piece(data=b"c</page><page>d</page></mediawiki>", position=30, owned=True),
    ]
    found, rejected, reader = cut_out(pieces)
    assert found == [(0, b"a"), (38, b"d")]
    assert rejected == [(14, b"b")]
    assert reader.truncated_at(0) is None
    behind = Piece(data=b"", position=20, owned=False, is_loss=True)
    assert cut_out([behind])[2].is_done  # a loss behind the range ends it


def test_in_blocks_a_page_has_the_position_of_the_block_it_begins_in() -> None:
    blocks = [
        Piece(data=data, position=position, owned=True, is_block=True)
        for data, position in ((b"<page>a</page> <pa", 4), (b"ge>b</page><page>c", 90), (b"</page>", 170))
    ]
    assert cut_out(blocks)[0] == [(4, b"a"), (4, b"b"), (90, b"c")]


@pytest.mark.parametrize("num_pieces", [1, 7, 300])
def test_a_page_that_is_too_long_is_rejected_before_its_end_is_there(
    monkeypatch: pytest.MonkeyPatch, num_pieces: int
) -> None:
    monkeypatch.setattr(page_cuts, "MAX_PAGE_BYTES", 100)
    xml = b"<page>" + b"x" * 100 + b"</page><page>" + b"y" * 101 + b"</page><page>z</page>"
    step = max(1, len(xml) // num_pieces)
    found, rejected, _ = cut_out(pieces_of(xml, list(range(0, len(xml), step))))
    assert [raw for _, raw in found] == [b"x" * 100, b"z"]
    assert [(position, raw[:1]) for position, raw in rejected] == [(113, b"y")]


@pytest.mark.parametrize(
    ("xml", "is_bare", "wanted"),
    [
        pytest.param(b"<page>a</page></mediawiki>", False, None, id="whole"),
        pytest.param(b"<page>a</page>", False, 14, id="no end of the dump"),
        pytest.param(b"<page>a</page> \n", True, None, id="bare and whole"),
        pytest.param(b"<page>a</page>x", True, 15, id="bare with more behind"),
        pytest.param(b"<page>a</page><page>b", True, 14, id="bare and open"),
        pytest.param(b"<page>a</mediawiki>", False, None, id="open before the end of the dump"),
    ],
)
def test_where_a_file_is_cut_off(xml: bytes, is_bare: bool, wanted: int | None) -> None:
    for cuts in ([], list(range(len(xml)))):
        _, _, reader = cut_out(pieces_of(xml, cuts), is_bare)
        assert reader.truncated_at(0) == wanted
    assert PageCuts(lambda *_: None, is_bare=is_bare).truncated_at(77) == 77  # nothing was read
