"""The queries folder holds the list in its order, and the counts down to the floors."""

from pathlib import Path

import pyarrow as pa

from querygen.query_list.queries_folder import queries_table, synsets_table, write_queries_folder
from querygen.query_list.query_list import Query, QueryList
from querygen.synsets.synsets import SynsetHead
from schemas.manifest import read_files, read_manifest
from schemas.query import BIGRAM_COUNTS, COUNTS, FLOOR_KEY, QUERIES, SYNSET_HEADS, TITLE_COUNTS, WORD_COUNTS
from schemas.rejection import Rejection
from schemas.storage import Folder
from schemas.tables import read_table

HEADS = [
    SynsetHead(text="dog", surface="dog", synsets=("dog.n.01", "frump.n.01"), tag_count=42),
    SynsetHead(text="st louis", surface="St. Louis", synsets=("st._louis.n.01",), tag_count=0),
]


def chosen() -> QueryList:
    queries = [
        Query(text="dog", surface="Dog", sources=["word", "synset"], count=7),
        Query(text="red fox", surface="red fox", sources=["bigram"], count=3, pmi=4.5),
        Query(text="paris", surface="Paris", sources=["title"], views=9),
    ]
    fields = {name: {} for name in QueryList.__dataclass_fields__}
    return QueryList(**fields | {"queries": queries, "notes": []})  # type: ignore[arg-type]


def test_queries_are_numbered_in_their_order_with_all_that_is_known() -> None:
    table = queries_table(chosen(), HEADS, "en")
    assert table.schema.equals(QUERIES)
    rows = table.to_pylist()
    assert [(row["query_id"], row["text"], row["source"]) for row in rows] == [
        (0, "dog", "word"), (1, "red fox", "bigram"), (2, "paris", "title"),
    ]  # fmt: skip
    assert [row["synsets"] for row in rows] == [["dog.n.01", "frump.n.01"], None, None]
    assert [(row["count"], row["pmi"], row["views"]) for row in rows] == [
        (7, None, None),
        (3, 4.5, None),
        (None, None, 9),
    ]
    assert {row["language"] for row in rows} == {"en"}


def test_all_heads_are_kept() -> None:
    table = synsets_table(HEADS)
    assert table.schema.equals(SYNSET_HEADS)
    assert table["tag_count"].to_pylist() == [42, 0]
    assert synsets_table([]).schema.equals(SYNSET_HEADS)


def test_counts_are_cut_at_their_floors_which_go_along(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    words = [{"text": text, "surface": text, "count": count} for text, count in (("dog", 7), ("cat", 2), ("a", 1))]
    counts = {
        "words": pa.Table.from_pylist(words, WORD_COUNTS), "bigrams": BIGRAM_COUNTS.empty_table(),
        "titles": pa.Table.from_pylist([{"text": "paris", "surface": "Paris", "views": 1}], TITLE_COUNTS),
    }  # fmt: skip
    floors = {"words": 2, "bigrams": 1, "titles": 2}
    lost = [Rejection("page_malformed", "d.xml", 5, "x"), Rejection("page_malformed", "d.xml", 1, "y")]
    manifest = write_queries_folder(folder, "en", chosen(), counts, HEADS, lost, "identity", {"floors": floors})
    assert manifest == read_manifest(folder, "queries")
    assert manifest["rows"] == 3
    assert manifest["summary"]["rejections"] == {"page_malformed": 2}
    assert read_table(folder, "counts/words.parquet", WORD_COUNTS)["text"].to_pylist() == ["dog", "cat"]
    assert len(read_table(folder, "counts/titles.parquet", TITLE_COUNTS)) == 0
    for name in COUNTS:
        assert read_table(folder, f"counts/{name}.parquet").schema.metadata[FLOOR_KEY] == b"%d" % floors[name]
    assert {record.name for record in read_files(folder)} == {
        "queries.parquet", "counts/words.parquet", "counts/bigrams.parquet", "counts/titles.parquet",
        "counts/synsets.parquet", "rejections/querygen.parquet",
    }  # fmt: skip
