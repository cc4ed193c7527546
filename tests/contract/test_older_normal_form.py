"""Folders of an older normal form: refused in one line by all that matches or looks up texts; their shards train."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from pipeline.explain.config import ExplainConfig
from pipeline.explain.job import run_explain
from pipeline.run.config import RunConfig
from pipeline.run.job import run_all
from querygen.command import main
from schemas.manifest import REMADE_BY, normal_form_of, read_current_manifest, read_manifest, write_manifest
from schemas.run_record import FolderConflict, RunRecord, start_run
from schemas.storage import FileRecord, Folder
from schemas.text import NORMAL_FORM_VERSION
from tests.conftest import write_queries
from tests.contract.test_queries_folder import write_inputs
from tests.support.candidates_folder import write_candidates, write_shards
from tests.support.download import Web, make_selection, serving
from tests.support.older_folder import make_older
from tests.support.opened_shards import open_shards
from tests.support.small_shards import COLOURS, picture
from tests.support.small_shards import write_shards as write_tars
from tests.support.waiting import PATIENCE_S
from trainer.config import TrainConfig
from trainer.evaluate.config import ZeroShotConfig
from trainer.evaluate.zero_shot import evaluate
from trainer.loop import train
from trainer.telling.reporter import Silent
from trainer.workers.distributed import World


def refused(folder: str, kind: str) -> str:
    """Return the pattern of the message that refuses `folder`."""
    now = f"this version compares texts in normal form '{NORMAL_FORM_VERSION}'"
    advice = f"make it again, into another folder: {REMADE_BY[kind]}"
    return re.escape(f"{folder}: its texts are in normal form '1', {now}; {advice}")


@pytest.mark.parametrize("kind", REMADE_BY)
def test_each_kind_tells_its_normal_form_and_is_refused_without(tmp_path: Path, kind: str) -> None:
    folder = Folder(str(tmp_path / "folder"))
    record = RunRecord(command="pipeline", config={})
    start_run(folder, record)
    write_manifest(folder, kind, [], rows=0, identity=record.identity, summary={})
    manifest = read_current_manifest(folder, kind)
    assert manifest["normal_form"] == normal_form_of(manifest) == NORMAL_FORM_VERSION
    make_older(folder.url)
    assert normal_form_of(read_manifest(folder, kind)) == "1"
    with pytest.raises(ValueError, match=refused(folder.url, kind)):
        read_current_manifest(folder, kind)
    folder.write_json("manifest.json", manifest | {"normal_form": "99"})
    with pytest.raises(ValueError, match="normal form '99'"):
        read_current_manifest(folder, kind)


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_querygen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, options = tmp_path, write_inputs(tmp_path)
    count = ["count", "--dump", options[1], "--min-word-count", "1", "--num-processes", "1", "--output"]
    main([*count, f"{root}/counts"])
    main(["build", *options, "--output", f"{root}/new"])
    for made, name in (("counts", "unfinished"), ("new", "old")):
        shutil.copytree(root / made, root / name)
    counts, queries = make_older(root / "counts"), make_older(root / "old")
    merge = ["merge", counts, counts, "--output", f"{root}/merged", "--num-processes", "1"]
    build = ["build", "--counts", counts, *options[2:], "--output", f"{root}/built"]
    for arguments, folder, kind in (
        (merge, counts, "counts"),
        (build, counts, "counts"),
        (["explain", "dog", "--queries", queries], queries, "queries"),
        (["compare", queries, f"{root}/new"], queries, "queries"),
        (["compare", f"{root}/new", queries], queries, "queries"),
    ):
        assert re.search(refused(folder, kind), failure(capsys, *arguments))
    assert "--exact" in failure(capsys, "compare", queries, f"{root}/new")
    assert not (root / "merged").exists()
    assert not (root / "built").exists()
    main(["compare", queries, f"{root}/new", "--exact", "--output", f"{root}/compared.json"])
    assert json.loads((root / "compared.json").read_text())["jaccard"] == 1
    main(["report", "--queries", queries, "--output", f"{root}/page.html"])

    make_older(root / "unfinished")
    (root / "unfinished" / "manifest.json").unlink()
    for folder, arguments in (
        ("unfinished", [*count, f"{root}/unfinished"]),
        ("old", ["build", *options, "--output", queries]),
    ):
        said = failure(capsys, *arguments)
        assert f"{folder} belongs to another run of another version (texts in normal form '1', now" in said
        assert "choose another --output or delete it" in said


def collect_config(root: Path, queries: str, output: str) -> CollectConfig:
    pq.write_table(pa.table({"url": ["http://images.example/1.jpg"], "caption": ["a cat"]}), root / "pairs.parquet")
    return CollectConfig(
        input=str(root / "pairs.parquet"), input_format="url_table", queries=queries, output=str(root / output)
    )


@pytest.mark.parametrize("rule", ["normalised", "metaclip"])
def test_collect(tmp_path: Path, rule: str) -> None:
    queries = write_queries(tmp_path / "q", ["cat"])
    assert run_collect(collect_config(tmp_path, queries, "c"), [])["normal_form"] == NORMAL_FORM_VERSION
    make_older(tmp_path / "c")
    with pytest.raises(FolderConflict, match="texts in normal form '1', now"):
        run_collect(collect_config(tmp_path, queries, "c"), [])
    (tmp_path / "c" / "manifest.json").unlink()
    with pytest.raises(FolderConflict, match="cannot be gone on with; choose another --output or delete it"):
        run_collect(collect_config(tmp_path, queries, "c"), [])
    make_older(queries)
    with pytest.raises(ValueError, match=refused(queries, "queries")):
        run_collect(collect_config(tmp_path, queries, "d"), [])
    assert not (tmp_path / "d").exists()


def test_collect_of_a_list_of_metaclip(tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text('["cat"]')
    run_collect(collect_config(tmp_path, str(tmp_path / "metadata.json"), "c"), [])
    make_older(tmp_path / "c-queries")
    with pytest.raises(FolderConflict, match=r"c-queries belongs to another run of another version .*normal form '1'"):
        run_collect(collect_config(tmp_path, str(tmp_path / "metadata.json"), "c"), [])


def balance_config(root: Path, output: str, **options: object) -> BalanceConfig:
    return BalanceConfig(candidates=str(root / "candidates"), output=str(root / output), **options)  # type: ignore[arg-type]


def test_balance_and_explain(tmp_path: Path) -> None:
    candidates = write_candidates(tmp_path, [[0], [0, 1]], ["red", "cat"])
    assert run_balance(balance_config(tmp_path, "s"), [])["normal_form"] == NORMAL_FORM_VERSION
    selection, queries = make_older(tmp_path / "s"), str(tmp_path / "queries")
    with pytest.raises(FolderConflict, match="texts in normal form '1', now"):
        run_balance(balance_config(tmp_path, "s"), [])
    with pytest.raises(ValueError, match=refused(selection, "selection")):
        run_explain(ExplainConfig(selection=selection, query=("cat",)), [])
    make_older(queries)
    with pytest.raises(ValueError, match=refused(queries, "queries")):
        run_balance(balance_config(tmp_path, "t"), [])
    make_older(candidates)
    for run in (
        lambda: run_balance(balance_config(tmp_path, "u"), []),
        lambda: run_explain(ExplainConfig(candidates=candidates, query=("cat",)), []),
    ):
        with pytest.raises(ValueError, match=refused(candidates, "candidates")):
            run()
    assert not (tmp_path / "u").exists()


def test_refill(tmp_path: Path) -> None:
    write_candidates(tmp_path, [[0], [0, 1]], ["red", "cat"])
    run_balance(balance_config(tmp_path, "s"), [])
    selection = Folder(str(tmp_path / "s"))
    shards = Folder(write_shards(selection.url, tmp_path / "shards", set()))
    record = RunRecord(command="pipeline download", config={})
    start_run(Folder(str(tmp_path / "claim")), record)
    (tmp_path / "claim" / "run.json").rename(tmp_path / "shards" / "run.json")
    summary = {"selections": [{"summary": read_manifest(selection, "selection")["summary"]}]}
    files = [shards.write(name, shards.read(name), 2) for name in shards.names(suffix=".parquet")]
    write_manifest(shards, "shards", files, rows=2, identity=record.identity, summary=summary)
    assert run_balance(balance_config(tmp_path, "r", failed=(shards.url,)), [])["rows"] == 0
    make_older(shards.url)
    for first in (None, selection):
        with pytest.raises(ValueError, match=refused(shards.url, "shards")):
            run_balance(balance_config(tmp_path, "t", failed=(shards.url,)), [], first)
    make_older(selection.url)
    with pytest.raises(ValueError, match=refused(selection.url, "selection")):
        run_balance(balance_config(tmp_path, "t", failed=(shards.url,)), [], selection)
    assert not (tmp_path / "t").exists()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


def test_an_older_selection_is_fetched_and_its_shards_say_so(tmp_path: Path, web: Web) -> None:
    selection = str(tmp_path / "selection")
    make_selection(selection, [[(web.url(f"good/{number}"), f"picture {number}") for number in range(3)]])
    config = DownloadConfig(
        selection=selection, output=str(tmp_path / "new"), allow_private_addresses=True, timeout_s=PATIENCE_S,
        num_decode_processes=1, image_size=48,
    )  # fmt: skip
    assert run_download(config)[0]["normal_form"] == NORMAL_FORM_VERSION
    make_older(selection)
    with pytest.raises(FolderConflict):
        run_download(config)
    older = DownloadConfig(**{**vars(config), "output": str(tmp_path / "older")})
    assert run_download(older)[0]["normal_form"] == "1"
    assert open_shards(older.output).num_samples == 3


def test_pipeline_run_does_not_go_on_in_an_older_folder(tmp_path: Path) -> None:
    collect = collect_config(tmp_path, write_queries(tmp_path / "q", ["cat"]), "out")
    config = RunConfig(
        input=collect.input, input_format="url_table", queries=collect.queries, output=collect.output, refill=False,
        retries=0, timeout_s=1,
    )  # fmt: skip
    no_part = "claimed by another run"
    start_run(Folder(config.output), RunRecord(command="pipeline run", config={"why": no_part}))
    make_older(config.output)
    with pytest.raises(FolderConflict, match="texts in normal form '1', now"):
        run_all(config, [])


def test_older_shards_train_and_what_they_trained_is_evaluated(tmp_path: Path) -> None:
    shards = write_tars(tmp_path / "shards", 16)
    record = RunRecord(command="pipeline download", config={})
    start_run(Folder(str(tmp_path / "claim")), record)
    (tmp_path / "claim" / "run.json").rename(shards / "run.json")
    files = [
        FileRecord(path.name, 16, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(shards.glob("*.tar"))
    ]
    write_manifest(Folder(str(shards)), "shards", files, rows=16, identity=record.identity, summary={})
    make_older(shards)
    config = TrainConfig(
        shards=(str(shards),), output=str(tmp_path / "trained"), model="rn-tiny", epochs=1.0, global_batch_size=8,
        warmup_steps=1, checkpoint_every_steps=2, log_every_steps=1,
    )  # fmt: skip
    metrics = train(config, World(0, 1, torch.device("cpu")), Silent())
    assert metrics is not None
    assert metrics.samples == 16
    for number, name in enumerate(COLOURS):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "0.png").write_bytes(picture(number))
    (tmp_path / "classes.txt").write_text("\n".join(COLOURS))
    (tmp_path / "templates.txt").write_text("a {} picture\n")
    results = evaluate(
        ZeroShotConfig(
            checkpoint=config.output,
            dataset=str(tmp_path / "images"),
            classes=str(tmp_path / "classes.txt"),
            templates=str(tmp_path / "templates.txt"),
            output=str(tmp_path / "results"),
        )
    )
    assert results["images"] == len(COLOURS)
