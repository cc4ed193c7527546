"""Folders whose files were changed are refused by the command that goes on from them: one line, with the file."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from schemas.manifest import read_files, write_manifest
from schemas.run_record import read_run
from schemas.storage import FileRecord, Folder
from tests.support.candidates_folder import write_candidates, write_shards
from tests.support.folder_bytes import folder_bytes

SURFACES = ["of", "red", "dog"]
QUERIES_OF = [[0, 1], [1, 2], [0], [2]] * 5


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Queries, candidates, a selection and its shards, and a table to collect from, below one folder."""
    write_candidates(tmp_path, QUERIES_OF, SURFACES, num_files=2)
    run_balance(BalanceConfig(candidates=f"{tmp_path}/candidates", output=f"{tmp_path}/selection"), [])
    write_shards(f"{tmp_path}/selection", tmp_path / "shards", set())
    shards = Folder(f"{tmp_path}/shards")
    files = [replace_record(shards, name) for name in shards.names(suffix=".parquet")]
    summary = {"selections": [{"summary": json.loads((tmp_path / "selection/manifest.json").read_text())["summary"]}]}
    write_manifest(shards, "shards", files, rows=1, identity="x", summary=summary)
    pq.write_table(pa.table({"url": ["http://a.example/1"], "caption": ["a red dog"]}), tmp_path / "in.parquet")
    return tmp_path


def replace_record(folder: Folder, name: str) -> FileRecord:
    data = folder.read(name)
    return folder.write(name, data, pq.read_metadata(folder.path(name)).num_rows)


COMMANDS = {
    "collect": ["collect", "--input", "{}/in.parquet", "--queries", "{}/queries", "--output", "{}/out"],
    "balance": ["balance", "--candidates", "{}/candidates", "--output", "{}/out"],
    "refill": ["balance", "--candidates", "{}/candidates", "--failed", "{}/shards", "--output", "{}/out"],
    "explain": ["explain", "--candidates", "{}/candidates"],
    "explain selection": ["explain", "--selection", "{}/selection"],
    "download": ["download", "--selection", "{}/selection", "--output", "{}/out", "--num-decode-processes", "1"],
}


def error_of(capsys: pytest.CaptureFixture[str], name: str, root: Path) -> str:
    """Return the one line that a command ends with."""
    with pytest.raises(SystemExit) as ended:
        main([part.format(root) for part in COMMANDS[name]])
    assert ended.value.code in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    return line


def rewrite(root: Path, file: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a table; sizes and hashes of its folder's list of files are right."""
    folder_name, _, name = file.partition("/")
    folder = Folder(f"{root}/{folder_name}")
    manifest = folder.read_json("manifest.json")
    records = read_files(folder)
    pq.write_table(change(pq.read_table(root / file)), root / file)
    found = [replace_record(folder, record.name) if record.name == name else record for record in records]
    write_manifest(
        folder, manifest["kind"], found, rows=manifest["rows"], identity=manifest["identity"],
        summary=manifest["summary"],
    )  # fmt: skip
    if folder_name == "queries":  # the candidates name this very list
        candidates = Folder(f"{root}/candidates")
        run = read_run(candidates)
        run["inputs"][0]["manifest_sha256"] = sha256(root / "queries/manifest.json")
        candidates.write_json("run.json", run)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def with_column(name: str, values: Callable[[pa.ChunkedArray], pa.Array]) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        field = table.schema.field(name)
        return table.set_column(place, field, values(table[name]).cast(field.type))

    return change


def with_last(value: int) -> Callable[[pa.ChunkedArray], pa.Array]:
    return lambda column: pa.array([*column.to_pylist()[:-1], value], pa.int32())


def in_first_list(value: int) -> Callable[[pa.ChunkedArray], pa.Array]:
    def change(column: pa.ChunkedArray) -> pa.Array:
        lists = column.to_pylist()
        first = [[value]] if isinstance(lists[0][0], list) else [value]
        return pa.array([first, *lists[1:]], column.type)

    return change


NUMBERS: dict[str, tuple[str, str, Callable[[pa.Table], pa.Table], str]] = {
    **{
        f"{command}: query_id {value}": (
            command, "queries/queries.parquet", with_column("query_id", with_last(value)),
            "query ids must be 0 .. 2, each once, found",
        )
        for command in ("collect", "balance", "explain")
        for value in (-5, 1, 2_000_000_000)
    },
    **{
        f"{command}: query_ids {value}": (
            command, "candidates/00001.parquet", with_column("query_ids", in_first_list(value)),
            "query_ids must be from 0 to 2, found",
        )
        for command in ("balance", "explain")
        for value in (-1, 3, 2_000_000_000)
    },
    **{
        f"refill: query_ids {value}": (
            "refill", "shards/00000.parquet", with_column("query_ids", in_first_list(value)),
            "query ids must be from 0 to 2, found",
        )
        for value in (-1, 3, 2_000_000_000)
    },
    "explain selection: query_id": (
        "explain selection", "selection/tables/query_counts.parquet", with_column("query_id", with_last(-1)),
        "query ids must be 0 .. 2, each once, found -1",
    ),
    "download: shard": (
        "download", "selection/00000.parquet", with_column("shard", with_last(7)),
        "expected rows of shard 0 only, found",
    ),
    "download: key": (
        "download", "selection/00000.parquet", with_column("key", lambda keys: pa.array(["../../x"] * len(keys))),
        "expected key = hex of image_id in each row",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "file", "change", "said"), NUMBERS.values(), ids=[name.replace(" ", "-") for name in NUMBERS]
)
def test_numbers_that_lead_nowhere_are_refused_before_they_are_used(
    world: Path, capsys: pytest.CaptureFixture[str], command: str, file: str, change: Callable[[pa.Table], pa.Table],
    said: str,
) -> None:  # fmt: skip
    rewrite(world, file, change)
    line = error_of(capsys, command, world)
    assert said in line
    assert Path(file).name in line or "--failed" in line


CHANGED = [
    ("collect", "queries/queries.parquet"), ("balance", "queries/queries.parquet"),
    ("balance", "candidates/00001.parquet"), ("explain", "candidates/00000.parquet"),
    ("refill", "shards/00000.parquet"), ("download", "selection/00000.parquet"),
    ("explain selection", "selection/tables/queries.parquet"),
    ("explain selection", "selection/tables/query_counts.parquet"),
    *((command, f"{folder}/tables/files.parquet")
      for command, folder in (("collect", "queries"), ("balance", "candidates"), ("download", "selection"))),
]  # fmt: skip


@pytest.mark.parametrize(("command", "file"), CHANGED, ids=lambda value: value.replace(" ", "-"))
def test_a_changed_byte_ends_the_command_that_goes_on_from_the_file(
    world: Path, capsys: pytest.CaptureFixture[str], command: str, file: str
) -> None:
    assert_told(world, capsys, command, file, (world / file).stat().st_size // 2)


@pytest.mark.parametrize("place", [60, -30], ids=["first-page", "footer"])
@pytest.mark.parametrize("command", ["balance", "explain"])
def test_a_changed_byte_of_what_is_looked_at_first_is_told_as_any_other(
    world: Path, capsys: pytest.CaptureFixture[str], command: str, place: int
) -> None:
    for file in sorted(path.name for path in (world / "candidates").glob("0*.parquet")):
        kept = (world / "candidates" / file).read_bytes()
        assert_told(world, capsys, command, f"candidates/{file}", place)
        (world / "candidates" / file).write_bytes(kept)


def assert_told(world: Path, capsys: pytest.CaptureFixture[str], command: str, file: str, place: int) -> None:
    """Change the byte at `place` of `file` and assert that `command` ends with a line that says so."""
    data = bytearray((world / file).read_bytes())
    data[place] ^= 1
    (world / file).write_bytes(data)
    line = error_of(capsys, command, world)
    assert Path(file).name in line
    assert "changed or damaged" in line


def test_a_shard_number_far_off_does_not_take_memory(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards = Folder(f"{world}/shards")
    data = shards.read("00000.parquet")
    files = [*read_files(shards), shards.write("999999999.parquet", data, 1)]
    manifest = shards.read_json("manifest.json")
    write_manifest(shards, "shards", files, rows=1, identity="x", summary=manifest["summary"])
    assert "no folder holds shard 00001 of 1000000000" in error_of(capsys, "refill", world)


RUN_KEYS = {
    "balance": ("candidates", "inputs"), "balance without paths": ("candidates", "paths"),
    "explain": ("candidates", "inputs"), "refill": ("candidates", "paths"),
}  # fmt: skip


@pytest.mark.parametrize(("folder", "key"), RUN_KEYS.values(), ids=[name.replace(" ", "-") for name in RUN_KEYS])
def test_a_key_that_run_json_lacks_is_told(
    world: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest, folder: str, key: str
) -> None:
    command = request.node.callspec.id.split("-")[0]
    run = read_run(Folder(f"{world}/{folder}"))
    del run[key]
    Folder(f"{world}/{folder}").write_json("run.json", run)
    line = error_of(capsys, command, world)
    assert f"{folder}/run.json: expected a key {key!r}, found" in line


def test_an_input_that_run_json_lacks_is_told(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    candidates = Folder(f"{world}/candidates")
    candidates.write_json("run.json", {**read_run(candidates), "inputs": []})
    assert "candidates/run.json: expected an input 'queries', found none" in error_of(capsys, "balance", world)


@pytest.mark.parametrize("kind", ["arrow", "rejections.parquet", "drops.parquet", "json"])
def test_a_changed_part_is_told_when_its_run_goes_on(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    command = [part.format(world) for part in COMMANDS["collect"]]
    with monkeypatch.context() as stopped:
        stopped.setattr("pipeline.collect.job.deduplicate_parts", interrupted)
        with pytest.raises(SystemExit):
            main(command)
    capsys.readouterr()
    part = world / "out" / "parts" / f"00000.{kind}"
    data = bytearray(part.read_bytes())
    if kind == "json":
        data = bytearray(part.read_bytes().replace(b'"rows": 1', b'"rows": -1'))
    else:
        data[-1] ^= 1
    part.write_bytes(data)
    line = error_of(capsys, "collect", world)
    assert part.name in line
    part.unlink()  # a unit that lost a file is made again
    main(command)
    capsys.readouterr()
    undisturbed = [part.replace(f"{world}/out", f"{world}/whole") for part in command]
    main(undisturbed)
    assert folder_bytes(world / "out") == folder_bytes(world / "whole")


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt
