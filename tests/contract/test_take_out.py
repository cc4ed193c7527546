"""`pipeline remove` of a host from a finished `pipeline run`: nothing of it stays, nothing else changes, all go on."""

import datetime
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.balance.refill.earlier import read_rounds
from pipeline.run.config import RunConfig
from pipeline.run.job import run_all
from schemas import rewritten
from schemas.manifest import manifest_sha256, read_files, read_manifest
from schemas.rewritten import PLAN_FILE, WORK_DIR
from schemas.storage import Folder
from tests.support.download import Web, serving
from tests.support.finished_run import GONE_HOST, contents, file_bytes, finished_run
from tests.support.opened_shards import captions, keys, open_shards

SINCE = ["--since", "2026-06-01"]


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, web: Web) -> tuple[Path, RunConfig]:
    """Make one run; tests work on copies of it."""
    directory = tmp_path_factory.mktemp("made")
    return directory, finished_run(directory, web)


@pytest.fixture
def run(tmp_path: Path, made: tuple[Path, RunConfig]) -> RunConfig:
    shutil.copytree(made[0] / "run", tmp_path / "run")
    shutil.copytree(made[0], tmp_path / "input", ignore=shutil.ignore_patterns("run"))
    return replace(made[1], output=str(tmp_path / "run"))


@pytest.fixture
def domains(tmp_path: Path) -> str:
    (tmp_path / "domains.txt").write_text(f"# a host that asked\n{GONE_HOST.upper()}.\n")
    return str(tmp_path / "domains.txt")


def rows(shards: Path) -> list[dict]:
    """Return the rows by key: a plan that loses its last image is a shard no more, and its table has another name."""
    names = [path for path in sorted(shards.glob("*.parquet")) if path.name != "removals.parquet"]
    found = [row for path in names for row in pq.read_table(path).to_pylist()]
    return sorted(found, key=lambda row: str(row["key"]))


def members(shards: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(shards.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                body = tar.extractfile(member)
                assert body is not None
                assert member.name not in found
                found[member.name] = body.read()
    return found


def test_nothing_of_what_was_removed_stays_and_nothing_else_changes(run: RunConfig, domains: str) -> None:
    output = Path(run.output)
    before, samples = rows(output / "shards"), members(output / "shards")
    gone = [row for row in before if GONE_HOST in row["url"]]
    kept = [row for row in before if GONE_HOST not in row["url"]]
    images = [samples[f"{row['key']}.jpg"] for row in gone if row["status"] == "success"]
    assert len(images) >= 3
    assert len(gone) > len(images)
    assert {row["status"] for row in kept} == {"success", "failed_to_download"}
    main(["remove", "--run", run.output, "--domains", domains, *SINCE])
    names = [image for image in images if image not in {samples[f"{row['key']}.jpg"] for row in kept if row["members"]}]
    for name, body in contents(output).items():
        assert GONE_HOST.encode() not in body, name
        assert not any(image in body for image in names), name
        if name != "shards/removals.parquet":
            assert not any(row["key"].encode() in body or repr(row["image_id"]).encode() in body for row in gone), name
    after = rows(output / "shards")
    no_place = [{key: value for key, value in row.items() if key != "members"} for row in kept]
    assert [{key: value for key, value in row.items() if key != "members"} for row in after] == no_place
    left = {name: body for name, body in samples.items() if name.partition(".")[0] in {row["key"] for row in kept}}
    assert members(output / "shards") == left
    for path in sorted((output / "shards").glob("*.tar")):
        data = path.read_bytes()
        for row in pq.read_table(path.with_suffix(".parquet")).to_pylist():
            for member in row["members"]:
                body = data[member["offset"] : member["offset"] + member["bytes"]]
                assert body == left[row["key"] + member["suffix"]]


def test_what_is_counted_of_wishes_is_of_the_rows_that_are_left(run: RunConfig, domains: str) -> None:
    shards = Path(run.output) / "shards"
    before = read_manifest(Folder(str(shards)), "shards")["summary"]["policy"]
    main(["remove", "--run", run.output, "--domains", domains, *SINCE])
    decisions: Counter[str] = Counter()
    for path in shards.glob("*_stats.json"):
        table = pq.read_table(shards / f"{path.name.removesuffix('_stats.json')}.parquet")
        found = Counter(table["policy_decision"].drop_null().to_pylist())
        assert json.loads(path.read_text())["policy"]["decisions"] == found, path.name
        decisions += found
    after = read_manifest(Folder(str(shards)), "shards")["summary"]["policy"]
    assert after["decisions"] == decisions
    assert 0 < after["decisions"]["allow"] < before["decisions"]["allow"]


def test_all_that_reads_the_folders_goes_on(
    run: RunConfig, domains: str, web: Web, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = Path(run.output)
    shards = Folder(str(output / "shards"))
    succeeded = {
        name: manifest_sha256(Folder(str(output / name)))
        for name in read_manifest(Folder(run.output), "run")["summary"]
    }
    main(["remove", "--run", run.output, "--domains", domains, *SINCE])
    for name, sha256 in succeeded.items():
        folder = Folder(str(output / name))
        manifest = folder.read_json("manifest.json")
        assert manifest["succeeds"] == [sha256]
        for record in read_files(folder):
            folder.check_file(record)
    stated = read_manifest(Folder(run.output), "run")["summary"]
    assert stated == {name: manifest_sha256(Folder(str(output / name))) for name in succeeded}
    numbers = [path.stem for path in sorted((output / "shards").glob("*.tar"))]
    assert numbers == [f"{number:05d}" for number in range(len(numbers))]
    assert json.loads((output / "shards" / "sizes.json").read_text()) == {
        f"{number}.tar": json.loads((output / "shards" / f"{number}_stats.json").read_text())["successes"]
        for number in numbers
    }
    for row in rows(output / "shards"):
        assert len(row["captions"]) == len(row["pair_ids"]) == len(row["query_ids"])
    first = read_manifest(Folder(str(output / "selection-refill")), "selection")["summary"]["shards"]["first"]
    counts = pq.read_table(output / "shards" / "tables" / "query_counts.parquet")
    assert counts["fetched"].to_pylist() == read_rounds([shards], first).fetched_by_query(len(counts)).tolist()
    main(["index", str(output / "shards")])
    requests = web.requests.total()
    assert run_all(run, [])["rows"] == len(keys(open_shards(output / "shards")))
    assert web.requests.total() == requests
    read = captions(open_shards(output / "shards"), output / "shards")
    assert not any(GONE_HOST in caption for found in read for caption in found)
    refill = BalanceConfig(
        candidates=str(output / "candidates"), output=str(tmp_path / "again"), failed=(str(output / "shards"),)
    )
    assert run_balance(refill, [])["rows"] > 0
    assert GONE_HOST.encode() not in b"".join(contents(tmp_path / "again").values())
    main(
        [
            "explain",
            "--candidates",
            str(output / "candidates"),
            "--selection",
            str(output / "selection"),
            "--query",
            "red",
        ]
    )
    capsys.readouterr()


def test_what_was_removed_from_shards_alone_is_not_selected_again(run: RunConfig, domains: str, tmp_path: Path) -> None:
    output = Path(run.output)
    main(["remove", "--shards", str(output / "shards"), "--domains", domains, *SINCE])
    gone = {row["image_id"] for row in pq.read_table(output / "shards" / "removals.parquet").to_pylist()}
    refill = BalanceConfig(
        candidates=str(output / "candidates"), output=str(tmp_path / "again"), failed=(str(output / "shards"),)
    )
    run_balance(refill, [])
    selected = {row["image_id"] for row in rows(tmp_path / "again")}
    assert selected
    assert not selected & gone


def test_urls_and_digests_are_found_in_any_spelling(run: RunConfig, tmp_path: Path) -> None:
    output = Path(run.output)
    came = [row for row in rows(output / "shards") if row["status"] == "success"]
    by_url, by_digest = came[0], next(row for row in came if row["sha256"] != came[0]["sha256"])
    (tmp_path / "urls.txt").write_text(by_url["url"].replace("http://", "HTTP://") + "#part\nhttp://never.example/\n")
    (tmp_path / "sha256.txt").write_text(by_digest["sha256"].upper() + "\n")
    command = ["remove", "--run", run.output, "--urls", str(tmp_path / "urls.txt"), "--sha256",
               str(tmp_path / "sha256.txt"), *SINCE]  # fmt: skip
    main(command)
    twins = {row["key"] for row in came if row["sha256"] == by_digest["sha256"]}
    left = {row["key"] for row in rows(output / "shards") if row["status"] == "success"}
    assert left == {row["key"] for row in came} - twins - {by_url["key"]}
    tombstones = pq.read_table(output / "shards" / "removals.parquet").to_pylist()
    day = datetime.date(2026, 6, 1)
    assert {(row["reason"], row["since"], row["key"]) for row in tombstones} == {
        ("listed_url", day, None), ("listed_sha256", day, None)
    }  # fmt: skip
    assert sum(row["reason"] == "listed_url" for row in tombstones) == 2
    assert [row["sha256"] for row in tombstones if row["sha256"]] == [by_digest["sha256"]]
    written = file_bytes(output)
    main(command)
    assert file_bytes(output) == written


class Killed(BaseException):
    """As a SIGKILL would end it: no handler of ours catches it."""


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_in_the_same_bytes(
    run: RunConfig, domains: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["remove", "--run", run.output, "--domains", domains, *SINCE]
    shutil.copytree(run.output, tmp_path / "before")
    main(command)
    expected = file_bytes(Path(run.output))
    changes = ("copy", "delete", "write")
    plain = {name: getattr(Folder, name) for name in changes}
    moment, left = 0, 0

    def counted(name: str):  # type: ignore[no-untyped-def]
        def change(self: Folder, *given: object, **more: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return plain[name](self, *given, **more)

        return change

    ended = False
    refused = 0
    while not ended:
        shutil.rmtree(run.output)
        shutil.copytree(tmp_path / "before", run.output)
        left = moment
        for name in changes:
            monkeypatch.setattr(Folder, name, counted(name))
        try:
            main(command)
            ended = True
        except Killed:
            pass
        for name in changes:
            monkeypatch.setattr(Folder, name, plain[name])
        for name in ("shards", "candidates", "selection", "selection-refill"):
            folder = Folder(f"{run.output}/{name}")
            if not folder.exists("manifest.json"):
                refused += 1
                with pytest.raises(FileNotFoundError, match="half taken out"):
                    read_manifest(folder, name.partition("-")[0])
        main(command)
        assert file_bytes(Path(run.output)) == expected, moment
        moment += 17
    assert moment > 100
    assert refused > 2


@pytest.mark.parametrize(
    ("option", "text", "told"),
    [
        ("--urls", "https://a.example/1.jpg\nno url\n", "line 2: expected an http(s) URL"),
        ("--domains", "a.example/path\n", "line 1: expected one host name"),
        ("--sha256", "abc\n", "line 1: expected a SHA-256 as 64 hex digits, found 'abc'"),
        ("--urls", "# nothing\n", "expected an entry a line, found none"),
        ("--sha256", None, "no such file"),
    ],
    ids=["url", "domain", "sha256", "empty", "absent"],
)
def test_a_list_of_another_form_is_one_line_before_anything_is_written(
    run: RunConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, text: str | None, told: str
) -> None:
    before = file_bytes(Path(run.output))
    if text is not None:
        (tmp_path / "list.txt").write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["remove", "--run", run.output, option, str(tmp_path / "list.txt")])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1
    assert file_bytes(Path(run.output)) == before


def test_another_command_that_names_a_folder_finishes_a_killed_removal(
    run: RunConfig, domains: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(rewritten, "_put_all", stopped)
        with pytest.raises(Killed):
            main(["remove", "--run", run.output, "--domains", domains, *SINCE])
    assert (Path(run.output) / "shards" / PLAN_FILE).exists()
    (tmp_path / "sha256.txt").write_text("0" * 64)
    main(["remove", "--candidates", f"{run.output}/candidates", "--sha256", str(tmp_path / "sha256.txt")])
    assert not list(Path(run.output).rglob(WORK_DIR))
    assert GONE_HOST.encode() not in b"".join(contents(Path(run.output)).values())


def stopped(folders: object) -> None:
    raise Killed
