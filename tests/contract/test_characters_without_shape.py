"""Characters without a shape of their own, from a dump to candidates: no query, no part of one, no wall in a word."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from querygen.command import main
from schemas.ignorable import IGNORABLE
from schemas.query import BIGRAM_COUNTS, QUERIES, WORD_COUNTS
from schemas.storage import Folder
from schemas.tables import read_table
from schemas.text import stored_caption
from tests.contract.test_queries_folder import write_wordnet

SENTENCE = (
    "The heart \u2764\ufe0f emoji and the sun \u2600\ufe0f emoji; family \U0001f468\u200d\U0001f469\u200d\U0001f467, "
    "hash #\ufe0f\u20e3, key 1\ufe0f\u20e3 here. \u200eA light\u00adhouse\u200f of \u0130stanbul; "
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0dc1\u0dca\u200d\u0dbb\u0dd3, zero\u200bwidth \ufeff words"
)
WORDS = [
    "the", "emoji", "heart", "and", "sun", "family", "hash", "key", "1\u20e3", "here", "a", "lighthouse", "of",
    "istanbul", "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645", "\u0dc1\u0dca\u0dbb\u0dd3", "zero", "width", "words",
]  # fmt: skip
PERSIAN, SINHALA = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0dc1\u0dca\u200d\u0dbb\u0dd3"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the options that name a dump of one page that holds `SENTENCE` 120 times, and an empty WordNet."""
    root = tmp_path_factory.mktemp("inputs")
    text = "\n\n".join([SENTENCE] * 120)
    page = f"<page><title>Heart</title><ns>0</ns><id>1</id><revision><text>{text}</text></revision></page>"
    (root / "d.xml").write_text(f"<mediawiki>{page}</mediawiki>", encoding="utf-8")
    write_wordnet(root / "wordnet")
    return ["--dump", str(root / "d.xml"), "--num-processes", "1"]


def test_no_query_is_begun_or_lengthened_by_them(inputs: list[str], tmp_path: Path) -> None:
    main(["build", *inputs, "--wordnet-dir", str(Path(inputs[1]).parent / "wordnet"), "--output", str(tmp_path / "q"),
          "--min-word-count", "100", "--size", "50", "--budgets", "50,50,0,0"])  # fmt: skip
    queries = read_table(Folder(str(tmp_path / "q")), "queries.parquet", QUERIES).to_pylist()
    texts = [query["text"] for query in queries]
    assert sorted(query["text"] for query in queries if "word" in query["sources"]) == sorted(WORDS)
    assert "sun emoji" not in texts  # a sign stands between the two
    assert "\u0dc1\u0dca\u0dbb\u0dd3 zero" in texts
    assert "width words" in texts  # between these stands nothing
    assert not any(IGNORABLE.search(text) for text in texts)
    surfaces = {query["text"]: query["surface"] for query in queries}
    assert surfaces["lighthouse"] == "lighthouse"
    assert surfaces["istanbul"] == "\u0130stanbul"
    assert [surfaces[text] for text in WORDS[14:16]] == [PERSIAN, SINHALA]  # spelled with their joiners


def test_counts_hold_no_word_of_them(inputs: list[str], tmp_path: Path) -> None:
    main(["count", *inputs, "--output", str(tmp_path / "c"), "--min-word-count", "1", "--count-floor", "1"])
    folder = Folder(str(tmp_path / "c"))
    words = read_table(folder, "words.parquet", WORD_COUNTS)
    assert sorted(words["text"].to_pylist()) == sorted(WORDS)
    found = {row["text"]: row["count"] for row in words.to_pylist()}
    assert found == {text: 240 if text in ("the", "emoji") else 120 for text in WORDS}
    bigrams = read_table(folder, "bigrams.parquet", BIGRAM_COUNTS)
    assert not any(IGNORABLE.search(text) for text in bigrams["text"].to_pylist())


CAPTIONS = {
    "I love my cat \u2764\ufe0f": ["cat"],
    "cat\u2764\ufe0fdog": ["cat", "dog"],
    "\ufeffcat\u200e dog\ufe0f's": ["cat", "dog"],
    "a light\u00adhouse": ["lighthouse"],
    "Donau\u00addampf": ["donaudampf"],
    SINHALA: [SINHALA],
    "\u0dc1\u0dca\u0dbb\u0dd3": [SINHALA],
    PERSIAN: [PERSIAN],
    "the view of \u0130STANBUL": ["istanbul"],
    "cat\u200bdog": ["cat", "dog"],
    "\u00adc\u2060a\u034ft\U000e0041 \u200d": ["cat"],
}


def test_captions_match_the_words_that_are_seen(tmp_path: Path) -> None:
    queries = ["cat", "dog", "light", "house", "lighthouse", "donaudampf", "donau", SINHALA, PERSIAN, "istanbul"]
    (tmp_path / "en.json").write_text(str(queries).replace("'", '"'), encoding="utf-8")
    urls = [f"http://images.example/{number}.jpg" for number in range(len(CAPTIONS))]
    pq.write_table(pa.table({"url": urls, "caption": list(CAPTIONS)}), tmp_path / "pairs.parquet")
    config = CollectConfig(
        input=str(tmp_path / "pairs.parquet"), input_format="url_table", queries=str(tmp_path / "en.json"),
        output=str(tmp_path / "c"),
    )  # fmt: skip
    run_collect(config, [])
    rows = [row for part in sorted((tmp_path / "c").glob("0*.parquet")) for row in pq.read_table(part).to_pylist()]
    found = {row["caption"]: [queries[number] for number in row["query_ids"]] for row in rows}
    assert found == {stored_caption(text): matches for text, matches in CAPTIONS.items()}
