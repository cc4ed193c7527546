"""Any bytes give text or UnicodeDecodeError: no other exception, no access outside of an array, linear time.

Linear time is shown by counting, not by a clock: counted_scan.py runs the same kernels as plain Python on arrays that
count each access and refuse an index outside, negative ones too.
"""

import bz2
import html
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.text.wikitext import TextExtractor
from querygen.wiki.dump import SiteInfo
from tests.demo.dump_sample import dump_sample
from tests.support.markup_inputs import FRAGMENTS, PAIRS, UNITS, random_wikitext

ROOT = Path(__file__).parent.parent.parent.parent
MAX_ACCESSES_PER_BYTE = 60
"""At most 11 for repeated markup; the rest is one search to the end of the page, two accesses per byte, for each of the
26 tags whose content is dropped, when all of them are opened and none is closed."""
NUM_COUNTED_TEXTS = 150

EXTRACTOR = TextExtractor(SiteInfo())


def run(arguments: list[str], **variables: str) -> bytes:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run([sys.executable, *arguments], env=environment, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout


def text_or_none(wikitext: bytes) -> bytes | None:
    """Return the text, None when it is not UTF-8; anything else raises."""
    try:
        view, _ = EXTRACTOR.extract_utf8(wikitext)
    except UnicodeDecodeError:
        return None
    text = view.tobytes()
    assert EXTRACTOR.extract(wikitext)[0].encode() == text
    # An entity may grow by a fifth; nothing else does.
    assert len(text) <= len(wikitext) + len(wikitext) // 5 + 1
    return text


MARKUP = st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(lambda parts: "".join(parts).encode())
NESTED = st.recursive(
    st.sampled_from(FRAGMENTS),
    lambda inner: st.tuples(
        st.sampled_from(
            [("{{t|", "}}"), ("[[a|", "]]"), ("\n{|\n|", "\n|}\n"), ("[[File:x|", "]]"), ("<ref>", "</ref>"),
             ("[http://x ", "]"), ("-{zh:", "}-"), ("<!--", "-->"), ("''", "''"), ("'''", "'''"), ("<math>", "</math>")]
        ),
        st.lists(inner, max_size=4).map("".join),
    ).map(lambda pair: pair[0][0] + pair[1] + pair[0][1]),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=300)
@given(st.one_of(MARKUP, NESTED.map(str.encode), st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
def test_any_bytes_give_text_or_a_decode_error(wikitext: bytes) -> None:
    text_or_none(wikitext)


@settings(max_examples=200)
@given(st.text(alphabet=st.sampled_from("ab é犬&#;xlt19"), max_size=60))
def test_without_markup_only_entities_change(text: str) -> None:
    stripped = text.lstrip(" #;:*")
    assert text_or_none(stripped.encode()) == html.unescape(stripped).encode()


@settings(max_examples=200)
@given(NESTED, st.text(alphabet="abc é", max_size=20))
def test_a_template_around_anything_balanced_leaves_nothing_but_a_line_end(inner: str, before: str) -> None:
    if any(odd in inner for odd in ("<", "==", "{{{", "}}}")) or inner.count("{{") != inner.count("}}"):
        return  # tags and headings have their own rules; unbalanced braces end elsewhere
    if _depth_falls_below_zero(inner):
        return
    around = f"x{before}{{{{t|{inner} }}}}{before}x"
    wanted = f"x{before}\n{before}x"
    assert text_or_none(around.encode()) == wanted.encode()


def _depth_falls_below_zero(text: str) -> bool:
    depth, i = 0, 0
    while i < len(text):
        pair = text[i : i + 2]
        step = 1 if pair == "{{" else -1 if pair == "}}" else 0
        depth += step
        if depth < 0:
            return True
        i += 2 if step else 1
    return False


def mutate(page: bytes, rng: random.Random) -> bytes:
    """Cut, repeat, swap and overwrite pieces of a real page."""
    text = bytearray(page)
    for _ in range(rng.randrange(1, 8)):
        if not text:
            break
        start = rng.randrange(len(text))
        stop = min(len(text), start + rng.randrange(1, 60))
        match rng.randrange(4):
            case 0:
                del text[start:stop]
            case 1:
                text[start:start] = text[start:stop] * rng.randrange(1, 4)
            case 2:
                text[start:stop] = rng.choice(FRAGMENTS).encode()
            case 3:
                text[start] = rng.randrange(256)
    return bytes(text)


def test_mutated_real_pages() -> None:
    with bz2.open(dump_sample()) as source:
        pages = [html.unescape(page.decode("utf-8", "replace")) for page in source.read(1_500_000).split(b"</page>")]
    rng = random.Random(7)
    num_texts = 0
    for _ in range(600):
        page = rng.choice(pages).encode()
        start = rng.randrange(len(page))
        num_texts += text_or_none(mutate(page[start : start + rng.randrange(20_000)], rng)) is not None
    assert 200 < num_texts < 600


def test_the_work_is_linear_and_stays_inside_its_arrays() -> None:
    done = json.loads(run([str(ROOT / "tests/support/counted_scan.py"), str(NUM_COUNTED_TEXTS)], NUMBA_DISABLE_JIT="1"))
    assert len(done["accesses"]) == len(UNITS) + len(PAIRS) + 1
    for unit, (short, long) in done["accesses"].items():
        assert long <= MAX_ACCESSES_PER_BYTE * 4_000, f"{unit!r}: {long} accesses for 4,000 bytes"
        assert long <= 4 * short + 3_000, f"{unit!r}: {short} accesses for 1,000 bytes, {long} for 4,000"
    # What is counted is what runs compiled.
    for seed, text in enumerate(done["texts"]):
        assert text_or_none(random_wikitext(seed)) in (bytes.fromhex(text), None)


BOUNDS_SCRIPT = """
from tests.support.markup_inputs import UNITS, random_wikitext
from querygen.wiki.dump import SiteInfo
from querygen.text.wikitext import TextExtractor
texts = 0
inputs = [random_wikitext(seed) for seed in range(8_000)] + [unit.encode() * 999 for unit in UNITS]
for wikitext in inputs:
    # A new extractor has the least work space; it is larger than needed for most of these.
    extractor = TextExtractor(SiteInfo())
    extractor._reserve(len(wikitext))
    try:
        extractor.extract_utf8(wikitext)
        texts += 1
    except UnicodeDecodeError:
        pass
print(texts)
"""


@pytest.mark.slow
def test_compiled_code_stays_inside_its_arrays(tmp_path: Path) -> None:
    # in a folder of its own: the checked code is of no use to anyone else
    assert int(run(["-c", BOUNDS_SCRIPT], NUMBA_BOUNDSCHECK="1", NUMBA_CACHE_DIR=str(tmp_path))) > 6_000
