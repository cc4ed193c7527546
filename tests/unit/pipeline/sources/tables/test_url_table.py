"""URL tables: the same pairs from every format, however many parts; the public tables as they are; row filters."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources import formats
from pipeline.sources.config import SourceOptions
from pipeline.sources.source import Source
from tests.support.sources import read_source

Found = tuple[list[dict[str, Any]], list[tuple[int, str]], dict[str, int]]


def table(path: Path | str, **options: Any) -> Source:
    return formats.open_source(SourceOptions(input=str(path), **options)).source


def read(source: Source) -> Found:
    found = read_source(source)
    return found.rows, found.reasons, dict(found.dropped)


def pairs(source: Source) -> list[tuple[str | None, str | None]]:
    return [(row["url"], row["caption"]) for row in read(source)[0]]


def write(path: Path, rows: list[dict[str, Any]], row_group_size: int = 2) -> Path:
    """Write rows of equal keys in the format of the name; no value and an empty text are the same in CSV and TSV."""
    kind, _, packed = path.name.partition(".")[2].partition(".")
    sink = io.StringIO(newline="")
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=row_group_size)
        return path
    if kind == "jsonl":
        sink.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    else:
        writer = csv.DictWriter(sink, list(rows[0]), delimiter="\t" if kind == "tsv" else ",", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    pack = {"": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}[packed]
    path.write_bytes(pack(sink.getvalue().encode()))
    return path


@contextmanager
def parts_of(split_bytes: int, block_bytes: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", split_bytes)
        patch.setattr("pipeline.sources.files.byte_ranges.BLOCK_BYTES", block_bytes)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


FORMATS = ("t.parquet", "t.csv", "t.tsv", "t.jsonl", "t.csv.gz", "t.jsonl.bz2", "t.tsv.xz", "t.csv.zst")
texts = st.none() | st.text(st.sampled_from('ab ",é中'), min_size=1, max_size=8)
records = st.fixed_dictionaries(
    {
        "url": st.none() | st.sampled_from(["http://a/1", "https://b/é,2"]),
        "caption": texts,
        "similarity": st.none() | st.sampled_from([0.1, 0.3, 0.30000001, 0.9]),
        "language": st.none() | st.sampled_from(["en", "de"]),
    }
)


@settings(max_examples=8)
@given(
    st.lists(records, min_size=1, max_size=20),
    st.integers(1, 200),
    st.integers(10, 200),
    st.sampled_from(["", "similarity > 0.3 and language == 'en'", "not similarity <= 0.3 or caption like 'a%'"]),
)
def test_pairs_depend_neither_on_the_format_nor_on_the_parts(
    folder: Path, rows: list[dict[str, Any]], split_bytes: int, block_bytes: int, where: str
) -> None:
    # A row of empty cells is an empty line in TSV and CSV as Python writes them: give every row something.
    rows = [row | {"n": number} for number, row in enumerate(rows)]
    found: list[Found] = []
    for name in FORMATS:
        path = write(folder / name, rows)
        whole = read(table(path, where=where))
        with parts_of(split_bytes, block_bytes):
            assert read(table(path, where=where)) == whole, name
        found.append(whole)
    for name, other in zip(FORMATS, found, strict=True):
        assert other == found[0], name
    kept, broken, dropped = found[0]
    assert len(kept) + sum(dropped.values()) == len(rows)
    assert broken == []


def test_large_text_files_are_cut(tmp_path: Path) -> None:
    rows = [{"url": f"http://a/{n}", "caption": f'line\n"{n}"' if n % 3 else f"plain {n}"} for n in range(2000)]
    for name in ("t.csv", "t.jsonl"):
        path = write(tmp_path / name, rows)
        with parts_of(5_000, 2_000):
            source = table(path)
            splits = source.splits()
            assert len(splits) > 5
            assert [split.index for split in splits] == list(range(len(splits)))
            assert max(split.end - split.begin for split in splits[:-1]) < 8_000
            found, broken, _ = read(source)
        assert [(row["source_row"], row["url"], row["caption"]) for row in found] == [
            (number, row["url"], row["caption"]) for number, row in enumerate(rows)
        ]
        assert broken == []


def test_a_zstd_file_of_many_frames_is_read_whole_and_a_cut_one_is_a_rejection(tmp_path: Path) -> None:
    frames = [zstandard.compress(text) for text in (b"url,caption\nhttp://a/0,zero\n", b"http://a/1,one\n")]
    (tmp_path / "t.csv.zst").write_bytes(b"".join(frames))
    assert pairs(table(tmp_path / "t.csv.zst")) == [("http://a/0", "zero"), ("http://a/1", "one")]
    noise = np.random.default_rng(0).integers(97, 123, (40_000, 20), dtype=np.uint8)
    lines = b"".join(b"http://a," + bytes(line) + b"\n" for line in noise)
    (tmp_path / "t.csv.zst").write_bytes(zstandard.compress(b"url,caption\n" + lines)[:400_000])
    rows, broken, _ = read(table(tmp_path / "t.csv.zst"))
    assert 0 <= len(rows) < 40_000
    assert [reason for _, reason in broken] == ["file_unreadable"]


# The public tables, as they are laid out.

LAION = {"SAMPLE_ID": 2784000190442, "URL": "http://a/1.jpg", "TEXT": "a dog", "HEIGHT": 225, "WIDTH": 300,
         "LICENSE": "?", "NSFW": "UNLIKELY", "similarity": 0.33}  # fmt: skip
LAION_5B = {"URL": "http://a/1.jpg", "TEXT": "a dog", "WIDTH": 300, "HEIGHT": 225, "similarity": 0.33, "hash": 123,
            "punsafe": 0.01, "pwatermark": 0.2, "LANGUAGE": "de"}  # fmt: skip
COYO = {"id": 841814333321, "url": "http://a/1.jpg", "text": "a dog", "width": 1000, "height": 988,
        "image_phash": "c9b6a7d8469c1959", "text_length": 59, "word_count": 11, "num_tokens_bert": 13,
        "num_tokens_gpt": 12, "num_faces": 0, "clip_similarity_vitb32": 0.43, "clip_similarity_vitl14": 0.35,
        "nsfw_score_opennsfw2": 0.0003, "nsfw_score_gantman": 0.03, "watermark_score": 0.1,
        "aesthetic_score_laion_v2": 5.4}  # fmt: skip
DATACOMP = {"uid": "0123456789abcdef" * 2, "url": "http://a/1.jpg", "text": "a dog", "original_width": 300,
            "original_height": 225, "clip_b32_similarity_score": 0.25, "clip_l14_similarity_score": 0.21,
            "face_bboxes": [[0.1, 0.2, 0.3, 0.4]], "sha256": "00" * 32}  # fmt: skip
YFCC_JSON = {"photoid": "1", "uid": "a@N00", "title": "A+dog%21", "description": "", "title_clean": "A dog!",
             "pageurl": "http://p/1", "downloadurl": "http://a/1.jpg", "licenseurl": "http://cc/by/2.0/"}  # fmt: skip


@pytest.mark.parametrize("kind", ["t.parquet", "t.jsonl"])
@pytest.mark.parametrize(
    ("row", "caption", "more"),
    [
        (LAION, "a dog", {"license": "?"}),
        (LAION_5B, "a dog", {"language": "de"}),
        (COYO, "a dog", {}),
        (DATACOMP, "a dog", {}),
        (YFCC_JSON, "A dog!", {"license": "http://cc/by/2.0/", "page_url": "http://p/1"}),
    ],
)
def test_public_tables_are_read_as_they_are(
    tmp_path: Path, kind: str, row: dict[str, Any], caption: str, more: dict[str, str]
) -> None:
    path = write(tmp_path / kind, [row, row])
    names = tuple(name for name in row if name not in ("URL", "url", "TEXT", "text", "downloadurl"))
    found, broken, _ = read(table(path, extra_columns=names))
    assert [(item["url"], item["caption"]) for item in found] == [("http://a/1.jpg", caption)] * 2
    listed = {name for name in names if isinstance(row[name], list) and kind == "t.jsonl"}
    assert found[0]["extra"] == {name: json.dumps(row[name]) if name in listed else row[name] for name in names}
    assert {name: found[0][name] for name in ("language", "license", "page_url") if found[0][name]} == more
    assert broken == []


def test_conceptual_captions_have_no_header(tmp_path: Path) -> None:
    (tmp_path / "cc12m.tsv").write_text('http://a/1.jpg\t"Big" dog\nhttp://a/2.jpg\ta cat, 5" tall\n')
    assert pairs(table(tmp_path / "cc12m.tsv")) == [
        ("http://a/1.jpg", '"Big" dog'),
        ("http://a/2.jpg", 'a cat, 5" tall'),
    ]
    (tmp_path / "cc3m.tsv").write_text("a dog\thttps://a/1.jpg\na cat\thttp://a/2.jpg\n")
    source = table(tmp_path / "cc3m.tsv")
    assert pairs(source) == [("https://a/1.jpg", "a dog"), ("http://a/2.jpg", "a cat")]
    assert [row["source_row"] for row in read(source)[0]] == [0, 1]


def yfcc(line: int, title: str, description: str, marker: int) -> list[str]:
    cells = [str(line), "6985418911", "4e2f7a26a1dfbf165a7e30bdabf7e72a", "39089491@N00", "nick",
             "2012-02-16 09:56:37.0", "1331840483", "Canon+PowerShot", title, description, "dog,cat", "", "-81.80",
             "24.55", "12", "http://www.flickr.com/photos/39089491@N00/6985418911/",
             f"http://farm8.staticflickr.com/{line}.jpg", "Attribution-NonCommercial License",
             "http://creativecommons.org/licenses/by-nc/2.0/", "7205", "8", "s", "o", "jpg", str(marker)]  # fmt: skip
    assert len(cells) == 25
    return cells


@pytest.mark.parametrize("left_out", [(), (0,), (0, 2)])
def test_yfcc_has_no_header_and_texts_as_in_a_url(tmp_path: Path, left_out: tuple[int, ...]) -> None:
    lines = [yfcc(0, "A+big+dog%21+100%25+caf%C3%A9", "", 0), yfcc(1, "", "d%0Ae", 0), yfcc(2, "film", "", 1)]
    kept = [[cell for place, cell in enumerate(line) if place not in left_out] for line in lines]
    text = "".join("\t".join(line) + "\n" for line in kept)
    (tmp_path / "yfcc.tsv.bz2").write_bytes(bz2.compress(text.encode()))
    found, broken, dropped = read(table(tmp_path / "yfcc.tsv.bz2", where="marker = 0", extra_columns=("usertags",)))
    assert [(row["url"], row["caption"]) for row in found] == [
        ("http://farm8.staticflickr.com/0.jpg", "A big dog! 100% café"),
        ("http://farm8.staticflickr.com/1.jpg", None),
    ]
    assert {row["license"] for row in found} == {"http://creativecommons.org/licenses/by-nc/2.0/"}
    assert found[0]["page_url"] == "http://www.flickr.com/photos/39089491@N00/6985418911/"
    assert found[0]["extra"] == {"usertags": "dog,cat"}
    assert (broken, dropped) == ([], {"where": 1})
    described = read(table(tmp_path / "yfcc.tsv.bz2", caption_column="description"))[0]
    assert [row["caption"] for row in described] == [None, "d\ne", None]


def test_columns_of_an_unknown_layout_go_by_their_positions(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("7,a dog,http://a/1.jpg\n8,a cat,http://a/2.jpg\n")
    with pytest.raises(ValueError, match=r"found \['0', '1', '2'\]; name yours with --url-column"):
        table(tmp_path / "t.csv").splits()
    source = table(tmp_path / "t.csv", url_column="2", caption_column="1", extra_columns=("0",))
    assert pairs(source) == [("http://a/1.jpg", "a dog"), ("http://a/2.jpg", "a cat")]


# Row filters.


@pytest.mark.parametrize("kind", ["t.parquet", "t.csv", "t.tsv", "t.jsonl"])
def test_a_published_subset_is_taken_by_uid(tmp_path: Path, kind: str) -> None:
    uids = [f"{n:032x}" for n in range(50)]
    rows = [{"uid": uid, "url": f"http://a/{n}", "text": "x", "score": n} for n, uid in enumerate(uids)]
    wanted = np.array([(int(uid[:16], 16), int(uid[16:], 16)) for uid in uids[::7]], np.dtype("u8,u8"))
    np.save(tmp_path / "subset.npy", wanted)
    path, subset = write(tmp_path / kind, rows), str(tmp_path / "subset.npy")
    found, broken, dropped = read(table(path, uids=subset))
    assert [row["source_row"] for row in found] == list(range(0, 50, 7))
    assert (broken, dropped) == ([], {"not_in_uids": 42})
    found, _, dropped = read(table(path, uids=subset, where="score >= 20"))
    assert [row["source_row"] for row in found] == [21, 28, 35, 42, 49]
    assert dropped == {"where": 20, "not_in_uids": 25}


def test_row_groups_that_statistics_rule_out_are_counted_but_not_read(tmp_path: Path) -> None:
    rows = [{"url": f"http://a/{n}", "text": "x" * 50, "score": n} for n in range(100)]
    path = write(tmp_path / "t.parquet", rows, row_group_size=10)
    damaged = bytearray(path.read_bytes())
    end = pq.read_metadata(path).row_group(8).column(0).dictionary_page_offset
    damaged[4:end] = bytes(end - 4)  # all pages of the groups that do not matter
    path.write_bytes(damaged)
    found, broken, dropped = read(table(path, where="score >= 85"))
    assert [row["source_row"] for row in found] == list(range(85, 100))
    assert (broken, dropped) == ([], {"where": 85})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"where": "nsfw = 0"}, r"t\.csv: no column 'nsfw' \(--where\); found \['url', 'text'\]"),
        ({"where": 'text = "en"'}, r"no column 'en' \(--where\).*text stands in single quotes"),
        ({"uids": "u.txt"}, r"t\.csv: no column 'uid' \(--uid-column\); found"),
        ({"uids": "u.txt", "uid_column": "key"}, r"no column 'key'"),
    ],
)
def test_a_filter_on_a_column_that_is_not_there_names_file_and_columns(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    write(tmp_path / "t.csv", [{"url": "http://a", "text": "x"}])
    with pytest.raises(ValueError, match=message):
        table(tmp_path / "t.csv", **options).splits()


def test_row_filters_are_for_tables(tmp_path: Path) -> None:
    for options in ({"where": "a > 1"}, {"uids": "u.npy"}):
        with pytest.raises(ValueError, match="is for input_format url_table only, found 'folder'"):
            SourceOptions(input=str(tmp_path), input_format="folder", **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="--where 'a >': "):
        SourceOptions(input="x", where="a >")


def test_a_damaged_row_group_costs_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = pa.table(
        {"url": [f"http://a.example/{n}" for n in range(3000)], "caption": [f"text {n}" for n in range(3000)]}
    )
    pq.write_table(rows, path, row_group_size=1000, compression="zstd")
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    raw = bytearray(path.read_bytes())
    begin = column.data_page_offset  # of the page's header: pages have no checksum
    raw[begin : begin + 20] = b"\xff" * 20
    path.write_bytes(raw)
    found, broken, _ = read(table(path))
    assert [row["source_row"] for row in found] == [*range(1000), *range(2000, 3000)]
    assert broken == [(1000, "file_unreadable")]


def test_a_filter_that_compares_numbers_with_a_text_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [{"url": "http://a.example/1", "caption": "a", "similarity": 0.5}])
    assert len(pairs(table(path, where="similarity > 0.3"))) == 1
    with pytest.raises(ValueError, match=r"--where .*: column 'similarity' holds numbers \(double\), no texts"):
        table(path, where="similarity > 'abc'").splits()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"column 'caption' stands there 2 times, .*; rename or leave out all but one"),
        ({"caption_column": "other", "extra_columns": ("caption",)}, "column 'caption' stands there 2 times"),
        ({"caption_column": "other", "where": "caption is null"}, "column 'caption' stands there 2 times"),
    ],
    ids=["caption", "extra", "where"],
)
@pytest.mark.parametrize("kind", ["t.parquet", "t.csv", "t.tsv"])
def test_a_column_that_stands_twice_is_refused_before_the_run(
    tmp_path: Path, kind: str, options: dict[str, Any], message: str
) -> None:
    names, row = ["url", "caption", "caption", "other"], ["http://a/1", "a", "b", "c"]
    if kind == "t.parquet":
        pq.write_table(pa.Table.from_arrays([pa.array([cell]) for cell in row], names=names), tmp_path / kind)
    else:
        separator = "," if kind == "t.csv" else "\t"
        (tmp_path / kind).write_text("".join(separator.join(cells) + "\n" for cells in (names, row)))
    with pytest.raises(ValueError, match=message):
        table(tmp_path / kind, **options).splits()
    assert pairs(table(tmp_path / kind, caption_column="other")) == [("http://a/1", "c")]


def test_a_csv_as_spark_writes_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('url,caption\nhttp://a/1,"5\\" disk, \\"new\\""\nhttp://a/2,"a\\\\b, c"\n')
    assert pairs(table(tmp_path / "t.csv")) == [("http://a/1", '5" disk, "new"'), ("http://a/2", "a\\b, c")]


def test_a_header_with_blanks_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('url, caption, similarity\nhttp://a/1, "a red, cat", 0.5\nhttp://a/2, b, 0.1\n')
    found, broken, dropped = read(table(tmp_path / "t.csv", where="similarity > 0.3", extra_columns=("similarity",)))
    assert [(row["url"], row["caption"], row["extra"]) for row in found] == [
        ("http://a/1", "a red, cat", {"similarity": "0.5"})
    ]
    assert (broken, dropped) == ([], {"where": 1})


def test_a_csv_whose_lines_end_in_cr_alone_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"url,caption\rhttp://a/1,a red cat\r" + b"http://a/2,b\r" * 100_000)
    with pytest.raises(ValueError, match=r"t\.csv: expected lines that end in LF or CR LF, found CR alone"):
        table(tmp_path / "t.csv").splits()
