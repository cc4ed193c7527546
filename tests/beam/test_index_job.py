"""`pipeline index` on real folders: local, over HTTP and S3, by one process and by two; what a trainer makes of it."""

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.index.config import IndexConfig
from pipeline.index.job import WORK_DIR, run_index
from schemas.storage import Folder
from tests.support.folder_bytes import folder_bytes
from tests.support.foreign_shards import write_img2dataset
from tests.support.opened_shards import keys
from tests.support.s3_server import s3_bucket, upload
from tests.support.small_shards import picture, write_shards, write_tar
from trainer.data.data_set import DataSet
from trainer.data.find_index import make_index
from trainer.data.open_data import describe_inputs, open_data, open_folders, prepare_indexes, read_indexes

TWO_PROCESSES = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
INDEX = "shard_index.parquet"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Img2dataset's shards, an empty tar, a plain one with a key that is no sample."""
    folder = write_img2dataset(tmp_path_factory.mktemp("foreign"), [80, 3, 41])
    write_tar(folder / "00003.tar", [])
    write_tar(folder / "plain.tar", [("a.png", picture(0)), ("a.txt", b"a"), ("b.txt", b"alone")])
    return folder


@pytest.fixture
def shards(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "shards"))


def walked(folder: Path) -> list[dict]:
    opened = open_folders([str(folder)])[0]
    rows: list[dict] = make_index(opened.folder, opened.sizes, 1).to_pylist()
    return rows


def opened(run: Path, *paths: str) -> DataSet:
    """Return the samples as a run opens them. Nothing may be indexed anew."""
    folders = open_folders(paths)
    prepare_indexes(folders, Folder(str(run)), 1)
    return open_data(folders, read_indexes(folders, Folder(str(run))), seed=0, pool=1 << 20)


@pytest.fixture
def no_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a tar was indexed by the trainer")

    monkeypatch.setattr("trainer.data.find_index.tar_row", fail)


@pytest.mark.parametrize("beam_args", [[], TWO_PROCESSES], ids=["one process", "two processes"])
def test_the_index_lies_beside_the_tars_and_nothing_else(shards: Path, beam_args: list[str]) -> None:
    before = folder_bytes(shards)
    report = run_index(IndexConfig(shards=(str(shards),)), beam_args)[0]
    assert pq.read_table(shards / INDEX).to_pylist() == walked(shards)
    after = folder_bytes(shards)
    assert after.pop(INDEX)
    assert after == before
    assert not (shards / WORK_DIR).exists()
    assert report.index.rows["samples"].to_pylist() == [64, 3, 33, 0, 1]


def test_the_trainer_takes_it(shards: Path, tmp_path: Path, no_first_use: None) -> None:
    run_index(IndexConfig(shards=(str(shards),)))
    found = opened(tmp_path / "run", str(shards))
    assert len(set(keys(found))) == found.num_samples == 101


def test_an_output_stands_for_the_tars(shards: Path, tmp_path: Path, no_first_use: None) -> None:
    run_index(IndexConfig(shards=(str(shards),), output=str(tmp_path / "index")))
    assert not (shards / INDEX).exists()
    found = opened(tmp_path / "run", str(tmp_path / "index"))
    assert found.num_samples == 101
    assert found.sources[0].folders[0].url == str(shards)
    assert describe_inputs(open_folders([str(tmp_path / "index")])) == describe_inputs(open_folders([str(shards)]))
    assert run_index(IndexConfig(shards=(str(shards),), output=str(tmp_path / "index")))[0].seconds is None
    with pytest.raises(ValueError, match="belongs to another run"):
        run_index(IndexConfig(shards=(str(write_shards(tmp_path / "b", 5)),), output=str(tmp_path / "index")))
    shutil.move(shards, tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"is an index of .*/shards, which is not there"):
        open_folders([str(tmp_path / "index")])


def test_several_folders_and_the_summary(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    second = write_shards(tmp_path / "b", 5)
    cut = (second / "00000.tar").read_bytes()
    (second / "00000.tar").write_bytes(cut[: len(cut) // 2])
    main(["index", str(shards), str(second)])
    said = capsys.readouterr().out
    assert said.count("pipeline index") == 2
    for part in ("│ 101 ", "plain.tar: b.txt: image_missing", f"{shards}/{INDEX}", "00000.tar, ...): what is damaged"):
        assert part in said
    main(["index", str(shards), str(second)])
    assert capsys.readouterr().out.count("made before") == 2


def test_tars_that_are_none_are_named_the_others_kept(
    shards: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (shards / "00001.tar").read_bytes()
    for name in ("00001.tar", "plain.tar"):
        (shards / name).write_bytes(b"no tar" * 100)
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            main(["index", str(shards)])
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert f"{shards}/00001.tar: expected a tar file" in error
        assert "and 1 more of 5 tars; mend or remove it and run the command again" in error
    (shards / "00001.tar").write_bytes(good)
    write_tar(shards / "plain.tar", [("a.png", picture(0))])
    asked: list[str] = []
    monkeypatch.setattr("pipeline.index.steps.tar_row", _counting(asked))
    run_index(IndexConfig(shards=(str(shards),)))
    assert sorted(asked) == ["00001.tar", "plain.tar"]
    assert pq.read_table(shards / INDEX).to_pylist() == walked(shards)


def _counting(asked: list[str]) -> object:
    from schemas.tar_index import TarToIndex, tar_row

    def counted(tar: TarToIndex, folder: Folder) -> pa.Table:
        asked.append(tar.name)
        return tar_row(tar, folder)

    return counted


def test_an_index_of_other_tars_is_not_taken(shards: Path, tmp_path: Path) -> None:
    run_index(IndexConfig(shards=(str(shards),)))
    write_tar(shards / "new.tar", [("n.png", picture(0))])
    with pytest.raises(ValueError, match=r"does not fit new\.tar: the index does not have it; delete it and run"):
        run_index(IndexConfig(shards=(str(shards),)))
    with pytest.raises(ValueError, match=r"does not fit new\.tar: the index does not have it; make it again"):
        opened(tmp_path / "run", str(shards))


@pytest.mark.parametrize(
    ("prepared", "told"),
    [(None, "no such folder"), ([], r"no \.tar file"), (["run.json"], "is unfinished")],
    ids=["absent", "empty", "unfinished"],
)
def test_what_is_no_folder_of_tars(tmp_path: Path, prepared: list[str] | None, told: str) -> None:
    if prepared is not None:
        (tmp_path / "a").mkdir()
        for name in prepared:
            (tmp_path / "a" / name).write_text("{}")
    with pytest.raises(FileNotFoundError, match=told):
        run_index(IndexConfig(shards=(str(tmp_path / "a"),)))


def test_options_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="--output holds the index of one folder, found 2"):
        IndexConfig(shards=("a", "b"), output="c")
    with pytest.raises(ValueError, match="expected a folder of tars, found none"):
        IndexConfig(shards=())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web(made: Path) -> Iterator[str]:
    """The folder as Python's own web server lists it; it knows no byte ranges and tells no sizes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(made)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_web_server(web: str, made: Path, tmp_path: Path, no_first_use: None) -> None:
    with pytest.raises(ValueError, match=rf"^{web} cannot be written to .*: choose a folder for the index, --output"):
        run_index(IndexConfig(shards=(web,)))
    run_index(IndexConfig(shards=(web,), output=str(tmp_path / "index")))
    found = pq.read_table(tmp_path / "index" / INDEX)
    assert [row["tar_bytes"] for row in found.to_pylist()] == [
        (made / name).stat().st_size for name in found["tar"].to_pylist()
    ]
    assert opened(tmp_path / "run", str(tmp_path / "index")).num_samples == 101


def test_a_bucket(made: Path, tmp_path: Path, no_first_use: None) -> None:
    with s3_bucket("shards") as bucket:
        url = upload(made, f"{bucket}/a")
        run_index(IndexConfig(shards=(url,)), TWO_PROCESSES)
        folder = Folder(url)
        assert pq.read_table(pa.BufferReader(folder.read(INDEX))).to_pylist() == run_local(made, tmp_path)
        assert [name for name in folder.names() if not (made / name).exists()] == [INDEX]
        assert not folder.names(WORK_DIR)
        found = opened(tmp_path / "run", url)
        assert keys(found) == keys(opened(tmp_path / "local run", str(tmp_path / "local")))


def run_local(made: Path, tmp_path: Path) -> list[dict]:
    """Return the rows of a copy on the disk."""
    shutil.copytree(made, tmp_path / "local")
    run_index(IndexConfig(shards=(str(tmp_path / "local"),)))
    rows: list[dict] = pq.read_table(tmp_path / "local" / INDEX).to_pylist()
    return rows
