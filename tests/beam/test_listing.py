"""`pipeline download --input`: a table to shards without queries, over real HTTP; killed halfway, cut otherwise."""

import io
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.listing.command import run_any_download
from pipeline.listing.config import ListedDownloadConfig
from pipeline.listing.job import make_selection, run_listed_download
from pipeline.sources.formats import open_source
from schemas.manifest import read_files, read_manifest
from schemas.query import QUERIES
from schemas.run_record import FolderConflict
from schemas.shards_folder import LISTED_SELECTION_DIR
from schemas.storage import Folder
from tests.support.candidates_folder import write_candidates
from tests.support.download import Web, picture, serving
from tests.support.folder_bytes import folder_bytes
from tests.support.opened_shards import captions, open_shards
from tests.support.waiting import PATIENCE_S

COUNT = 20
"""Images of the list; each has two captions, in two files."""

ODD_ROWS = (("ftp://a/b", "x", "url_not_http"), ("", "y", "url_missing"), ("http://a/1", "", "caption_missing"))


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


def config(tmp_path: Path, output: str = "o", **options: object) -> ListedDownloadConfig:
    values: dict[str, object] = {
        "input": str(tmp_path / "in"), "allow_private_addresses": True, "timeout_s": PATIENCE_S, "retries": 0,
        "num_decode_processes": 1, "image_size": 32, "samples_per_shard": 7, "extra_columns": ("score",),
    }  # fmt: skip
    return ListedDownloadConfig(output=str(tmp_path / output), **(values | options))  # type: ignore[arg-type]


def listed(config: ListedDownloadConfig, beam_args: Sequence[str] = ()) -> pa.Table:
    """Make the selection alone, without a request; return its rows."""
    inputs = open_source(config)
    selection = Folder(config.output).sub(LISTED_SELECTION_DIR)
    make_selection(config, inputs, inputs.source.splits(), selection, beam_args)
    return pa.concat_tables([pq.read_table(path) for path in sorted(Path(selection.root).glob("*.parquet"))])


def write_list(tmp_path: Path, web: Web) -> list[tuple[str, str]]:
    """Write the two files, the second with the rows that are broken; return the good pairs."""
    (tmp_path / "in").mkdir()
    pairs = [(web.url(f"good/{number}"), f"picture {number}") for number in range(COUNT)]
    more = [(url, f"{caption} again") for url, caption in pairs]
    table = pa.table({"url": [url for url, _ in pairs], "text": [text for _, text in pairs], "score": [0.5] * COUNT})
    pq.write_table(table, tmp_path / "in" / "a.parquet", row_group_size=6)
    lines = "".join(f"{url}\t{text}\t0.25\n" for url, text, *_ in (*more, *ODD_ROWS))
    (tmp_path / "in" / "b.tsv").write_text("url\ttext\tscore\n" + lines)
    return pairs + more


@dataclass
class Made:
    """What the command made of the list."""

    folder: Path
    pairs: list[tuple[str, str]]
    requests: Counter[str]
    printed: str

    @property
    def output(self) -> Path:
        return self.folder / "o"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, web: Web) -> Made:
    folder = tmp_path_factory.mktemp("made")
    pairs = write_list(folder, web)
    web.requests.clear()
    printed = io.StringIO()
    with redirect_stdout(printed):
        run_any_download(config(folder), [])
    return Made(folder, pairs, Counter(web.requests), printed.getvalue())


def test_each_image_is_fetched_once_with_all_its_captions(made: Made) -> None:
    rows = pa.concat_tables([pq.read_table(path) for path in sorted(made.output.glob("*.parquet"))]).to_pylist()
    assert sorted((row["url"], caption) for row in rows for caption in row["captions"]) == sorted(made.pairs)
    assert set(made.requests.values()) == {1}
    assert len(made.requests) == COUNT
    assert all(query_ids == [] for row in rows for query_ids in row["query_ids"])
    assert all({value["score"] for value in row["extra"]} == {"0.5", "0.25"} for row in rows)  # a TSV holds texts
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)
    assert json.loads((made.output / "sizes.json").read_text()) == {"00000.tar": 7, "00001.tar": 7, "00002.tar": 6}


def test_the_folders_are_whole_and_have_empty_tables_of_queries(made: Made) -> None:
    for folder, kind in ((made.output, "shards"), (made.output / LISTED_SELECTION_DIR, "selection")):
        for record in read_files(Folder(str(folder))):
            Folder(str(folder)).check_file(record)
        assert read_manifest(Folder(str(folder)), kind)["rows"] == {"shards": COUNT, "selection": 2 * COUNT}[kind]
        queries = pq.read_table(folder / "tables" / "queries.parquet")
        assert (len(queries), queries.schema.names) == (0, QUERIES.names)


def test_both_summaries_are_printed(made: Made) -> None:
    assert "duplicates removed" in made.printed
    assert f"shards: {made.output}" in made.printed


def test_broken_rows_are_kept_with_file_and_row(made: Made) -> None:
    found = pq.read_table(made.output / LISTED_SELECTION_DIR / "rejections" / "collect.parquet").to_pylist()
    assert {(row["source_file"], row["position"], row["reason"]) for row in found} == {
        ("b.tsv", COUNT + place, reason) for place, (_, _, reason) in enumerate(ODD_ROWS)
    }
    with pytest.raises(ValueError, match="3 of 43 records are broken"):
        listed(config(made.folder, "few", max_rejected_fraction=0.05))


def test_the_trainer_reads_what_a_list_gave(made: Made) -> None:
    data = open_shards(made.output)
    assert data.num_samples == COUNT
    assert sorted(text for found in captions(data) for text in found) == sorted(text for _, text in made.pairs)


@pytest.mark.slow
def test_what_is_listed_does_not_depend_on_how_it_was_made(made: Made, tmp_path: Path) -> None:
    """Two workers, and an end halfway: the same bytes."""
    expected = folder_bytes(made.output / LISTED_SELECTION_DIR)
    two = config(made.folder, "two")
    listed(two, ["--direct_num_workers=2", "--direct_running_mode=multi_processing"])
    assert folder_bytes(Path(two.output) / LISTED_SELECTION_DIR) == expected
    for name in ("manifest.json", "tables/files.parquet", "00001.parquet"):
        (Path(two.output) / LISTED_SELECTION_DIR / name).unlink()
    listed(two)
    assert folder_bytes(Path(two.output) / LISTED_SELECTION_DIR) == expected


@pytest.mark.slow
def test_a_finished_run_is_known_and_an_unfinished_one_gone_on_with(tmp_path: Path, web: Web) -> None:
    write_list(tmp_path, web)
    run_listed_download(config(tmp_path), [])
    expected = folder_bytes(tmp_path / "o")
    for name in ("manifest.json", "tables/files.parquet", "selection/manifest.json", "00001_stats.json"):
        (tmp_path / "o" / name).unlink()
    web.requests.clear()
    run_listed_download(config(tmp_path), [])
    assert folder_bytes(tmp_path / "o") == expected
    assert len(web.requests) == 7  # of the shard that was lost


def test_another_run_of_the_same_output_is_refused(made: Made, web: Web, tmp_path: Path) -> None:
    web.requests.clear()
    _, _, report = run_listed_download(config(made.folder), [])
    assert report is None
    assert not web.requests
    with pytest.raises(FolderConflict, match="samples_per_shard: 7 -> 9"):
        run_listed_download(config(made.folder, samples_per_shard=9), [])
    (tmp_path / "in").mkdir()
    shutil.copy(made.folder / "in" / "a.parquet", tmp_path / "in")
    with pytest.raises(FolderConflict, match=r"inputs\[1\]\.name: 'b.tsv' -> None"):
        run_listed_download(config(made.folder, input=str(tmp_path / "in")), [])


@pytest.mark.slow
def test_a_list_of_urls_alone_gives_empty_captions(tmp_path: Path, web: Web) -> None:
    (tmp_path / "list.txt").write_text("".join(f"{web.url(f'good/{n}')}\n" for n in range(3)))
    alone = config(tmp_path, input=str(tmp_path / "list.txt"), extra_columns=(), allow_missing_captions=True)
    with pytest.raises(ValueError, match=r"none of the columns .*--allow-missing-captions"):
        run_listed_download(replace(alone, allow_missing_captions=False), [])
    assert not (tmp_path / "o").exists()
    run_listed_download(alone, [])
    with tarfile.open(tmp_path / "o" / "00000.tar") as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert len(members) == 9
    assert {data for name, data in members.items() if name.endswith(".txt")} == {b""}


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_a_table_without_captions_is_read_where_they_may_be_missing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"in.{kind}"
    rows = [{"URL": "http://a/1", "score": 0.1}, {"URL": "http://a/2", "score": 0.9}]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text("URL,score\nhttp://a/1,0.1\nhttp://a/2,0.9\n")
    found = listed(config(tmp_path, input=str(path), allow_missing_captions=True, where="score > 0.5"))
    assert [(row["url"], row["caption"]) for row in found.to_pylist()] == [("http://a/2", "")]


def test_a_folder_of_images_is_listed_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.jpg").write_bytes(picture(seed=number))
        (tmp_path / "in" / f"{number}.txt").write_text(f"picture {number}")
    found = listed(config(tmp_path, input_format="folder", extra_columns=()))
    assert sorted(row["image_ref"]["member"] for row in found.to_pylist()) == ["0.jpg", "1.jpg", "2.jpg"]


def test_an_input_without_a_good_row_gives_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("url,caption,score\nftp://a/b,x,1\n")
    alone = config(tmp_path, input=str(tmp_path / "in.csv"), max_rejected_fraction=1)
    _, manifest, _ = run_listed_download(alone, [])
    assert (manifest["rows"], manifest["summary"]["images_planned"]) == (0, 0)


def test_an_output_that_holds_other_files_is_left_as_it_is(tmp_path: Path, web: Web) -> None:
    write_list(tmp_path, web)
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "notes.txt").write_text("mine")
    with pytest.raises(FolderConflict, match=r"files without run\.json"):
        run_listed_download(config(tmp_path), [])
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "expected either --selection or --input, found neither"),
        (["--input", "none.csv"], "none.csv"),
        (["--input", "a", "--selection", "b"], "expected either --selection or --input, found both"),
        (["--input", "a", "--verify-hash", "md5", "md5"], "which is not carried; add --extra-columns md5"),
        (["--input", "a", "--blurring-bbox-col", "faces"], "which is not carried; add --extra-columns faces"),
    ],
)
def test_bad_arguments_are_one_line(
    tmp_path: Path, arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["download", *arguments, "--output", str(tmp_path / "o")])
    assert ended.value.code == 2
    assert line in " ".join(capsys.readouterr().err.split())


def test_no_refill_follows_a_list(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    candidates = write_candidates(tmp_path, [[0], [0]], ["red"])
    command = ["balance", "--candidates", candidates, "--output", str(tmp_path / "o"), "--failed", str(made.output)]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {made.output}: expected what was made from a balanced selection, found images of a")
    assert "--retry-failed" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_what_is_removed_goes_from_the_list_inside_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as web:
        urls = [web.url(path) for path in ("good/1", "good/2", "good/3")]
        (tmp_path / "urls.txt").write_text("\n".join(urls))
        command = [
            "download", "--input", str(tmp_path / "urls.txt"), "--output", str(tmp_path / "o"),
            "--allow-missing-captions", "--allow-private-addresses", "--image-size", "16",
            "--num-decode-processes", "1",
        ]  # fmt: skip
        main(command)
        (tmp_path / "removed.txt").write_text(urls[1])
        main(["remove", "--shards", str(tmp_path / "o"), "--urls", str(tmp_path / "removed.txt")])
        stored = read_manifest(Folder(str(tmp_path / "o")), "shards")["summary"]
        assert stored["stored_bytes"] == sum(path.stat().st_size for path in (tmp_path / "o").glob("*.tar"))
        tables = list((tmp_path / "o").rglob("*.parquet"))
        assert any("selection" in path.parts for path in tables)
        for path in tables:
            assert urls[1] not in str(pq.read_table(path).to_pylist()), path
        before = web.requests.total()
        capsys.readouterr()
        main(command)
        assert web.requests.total() == before
        assert "finished before" in capsys.readouterr().out


def test_what_may_heal_of_a_list_is_asked_for_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as web:
        urls = [web.url(path) for path in ("good/1", "broken_once/1", "status/404")]
        (tmp_path / "urls.txt").write_text("\n".join(urls))
        command = [
            "download", "--input", str(tmp_path / "urls.txt"), "--output", str(tmp_path / "o"),
            "--allow-missing-captions", "--allow-private-addresses", "--retries", "0", "--image-size", "16",
            "--num-decode-processes", "1",
        ]  # fmt: skip
        main(command)
        assert "1 images may heal" in capsys.readouterr().out
        before = web.requests.total()
        main([*command, "--retry-failed"])
        assert web.requests.total() == before + 1
    assert read_manifest(Folder(str(tmp_path / "o")), "shards")["summary"]["outcomes"] == {
        "http_error": 1,
        "success": 2,
    }
