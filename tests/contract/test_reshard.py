"""`pipeline reshard` as a whole: what comes out, that it is the same whoever works, and who takes it."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.balance.refill.earlier import read_rounds
from pipeline.reshard import job
from pipeline.reshard.config import ReshardConfig
from pipeline.reshard.job import run_reshard
from schemas.manifest import read_files, read_manifest
from schemas.storage import Folder
from tests.contract.test_remove import filtered
from tests.support.folder_bytes import folder_bytes
from tests.support.opened_shards import captions, keys, open_shards
from tests.support.removals import write_removals
from tests.support.resharding import make_rounds, members, remove_first_sample

TWO_PROCESSES = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
SAMPLES = 14


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_rounds(tmp_path_factory.mktemp("rounds"))


@pytest.fixture
def mine(rounds: list[Path], tmp_path: Path) -> list[Path]:
    """The rounds, to be changed."""
    return [Path(shutil.copytree(path, tmp_path / path.name)) for path in rounds]


def reshard(
    shards: list[Path], output: Path, samples: int = 4, beam_args: list[str] | None = None, seed: int | None = None
) -> Path:
    given = ReshardConfig(
        shards=tuple(map(str, shards)), output=str(output), samples_per_shard=samples, shuffle_seed=seed
    )
    run_reshard(given, beam_args or [])
    return output


def rows(*shards: Path) -> dict[str, dict]:
    tables = [path for folder in shards for path in sorted(folder.glob("*.parquet")) if path.name != "removals.parquet"]
    found = [row for path in tables for row in pq.read_table(path).to_pylist()]
    assert len({row["key"] for row in found}) == len(found)
    return {row["key"]: row for row in found}


def without_places(found: dict[str, dict]) -> dict[str, dict]:
    drop = {"captions", "pair_ids", "query_ids"}
    return {
        key: {name: value for name, value in row.items() if name not in drop}
        | {"members": [(member["suffix"], member["bytes"]) for member in row["members"] if member["suffix"] != ".json"]}
        for key, row in found.items()
    }


def test_counts_are_equal_and_bytes_and_order_the_same(rounds: list[Path], tmp_path: Path) -> None:
    output = reshard(rounds, tmp_path / "out")
    assert json.loads((output / "sizes.json").read_text()) == {
        "00000.tar": 4, "00001.tar": 4, "00002.tar": 4, "00003.tar": 2
    }  # fmt: skip
    before, after = members(*rounds), members(output)
    assert [name for name, _ in after] == [name for name, _ in before]
    changed = [name for (name, left), (_, right) in zip(before, after, strict=True) if left != right]
    assert len(changed) == 2  # the two with further captions
    assert {name.partition(".")[2] for name in changed} == {"json"}
    for record in read_files(Folder(str(output))):
        Folder(str(output)).check_file(record)
    assert not (output / job.WORK_DIR).exists()
    assert without_places(rows(output)) == without_places(rows(*rounds))


def test_further_captions_are_in_json_and_row(rounds: list[Path], tmp_path: Path) -> None:
    output = reshard(rounds, tmp_path / "out")
    assert not (output / "further_captions").exists()
    assert captions(open_shards(output)) == captions(open_shards(*rounds), *rounds)
    of_rows = rows(output)
    for name, data in members(output):
        if name.endswith(".json"):
            told = json.loads(data)
            row = of_rows[told["key"]]
            assert told["captions"] == row["captions"]
            assert told["query_ids"] == row["query_ids"]
            assert told["pair_ids"] == [pair_id.hex() for pair_id in row["pair_ids"]]
            assert len(row["captions"]) == len(row["pair_ids"]) == len(set(told["pair_ids"]))
        if name.endswith(".txt"):
            assert data.decode() == of_rows[name.removesuffix(".txt")]["caption"]
    assert sum("further" in row["captions"][-1] for row in of_rows.values()) == 2


def test_further_captions_of_images_elsewhere_stay_apart(rounds: list[Path], tmp_path: Path) -> None:
    output = reshard(rounds[1:], tmp_path / "out")
    found = list((output / "further_captions").iterdir())
    assert [path.name for path in found] == ["00001.parquet"]
    assert len(pq.read_table(found[0])) == 2
    assert read_manifest(Folder(str(output)), "shards")["summary"]["further_captions"] == 2


def test_what_is_removed_is_left_out_and_known_as_removed(mine: list[Path], tmp_path: Path) -> None:
    key = remove_first_sample(mine[0])
    output = reshard(mine, tmp_path / "out")
    assert key not in keys(open_shards(output))
    assert len(keys(open_shards(output))) == SAMPLES - 1
    row = rows(output)[key]
    assert (row["status"], row["reason"], row["members"]) == ("failed_to_download", "removed", [])
    assert pq.read_table(output / "removals.parquet")["key"].to_pylist() == [key]
    rejected = [row for path in sorted((output / "rejections").iterdir()) for row in pq.read_table(path).to_pylist()]
    failed = [row for row in rows(output).values() if row["status"] != "success"]
    assert [row["reason"] for row in rejected] == [row["reason"] for row in failed]
    assert sorted(row["reason"] for row in rejected) == ["image_missing"] * 4 + ["removed"]


def test_a_removal_by_sha256_counts_in_all_inputs(mine: list[Path], tmp_path: Path) -> None:
    row = next(row for row in rows(mine[0]).values() if row["status"] == "success")
    write_removals(mine[1], {"sha256": row["sha256"]})
    output = reshard(mine, tmp_path / "out")
    assert rows(output)[row["key"]]["reason"] == "removed"
    assert len(keys(open_shards(output))) == SAMPLES - 1


def test_a_filter_is_noted_beside_it(rounds: list[Path], tmp_path: Path) -> None:
    output = reshard(rounds, tmp_path / "out")
    key = keys(open_shards(output))[5]
    main(["remove", "--shards", str(output), "--filtered", filtered(tmp_path / "filtered", **{key: "low_similarity"})])
    again = reshard([output], tmp_path / "again")
    assert key not in keys(open_shards(again))
    assert len(keys(open_shards(again))) == SAMPLES - 1


def test_a_refill_knows_the_same_of_it(rounds: list[Path], tmp_path: Path) -> None:
    output = reshard(rounds, tmp_path / "out")
    before, after = (read_rounds([Folder(str(path)) for path in paths]) for paths in (rounds, [output]))
    assert (after.earlier.failed_images == before.earlier.failed_images).all()
    assert (after.earlier.selected_pairs == before.earlier.selected_pairs).all()
    assert (after.stored_images == before.stored_images).all()
    assert after.fetched.sort_by("query_id") == before.fetched.sort_by("query_id")


@pytest.mark.parametrize("seed", [pytest.param(None, marks=pytest.mark.slow), 7], ids=["in order", "shuffled"])
def test_two_processes_write_the_same_bytes(rounds: list[Path], tmp_path: Path, seed: int | None) -> None:
    first = reshard(rounds, tmp_path / "one", seed=seed)
    second = reshard(rounds, tmp_path / "two", beam_args=TWO_PROCESSES, seed=seed)
    assert folder_bytes(first) == folder_bytes(second)


def test_a_seed_gives_another_order_of_the_same_samples(rounds: list[Path], tmp_path: Path) -> None:
    plain, shuffled, other = (members(reshard(rounds, tmp_path / str(seed), seed=seed)) for seed in (None, 1, 2))
    assert sorted(plain) == sorted(shuffled) == sorted(other)
    assert plain != shuffled != other


@pytest.mark.parametrize("seed", [None, 3], ids=["in order", "shuffled"])
def test_again_it_is_the_same_content(rounds: list[Path], tmp_path: Path, seed: int | None) -> None:
    first = reshard(rounds, tmp_path / "first", seed=seed)
    second = reshard([first], tmp_path / "second", seed=seed)
    left, right = folder_bytes(first), folder_bytes(second)
    for name in ("manifest.json", "tables/files.parquet"):  # they tell of other inputs
        left.pop(name), right.pop(name)
    assert left == right
    assert reshard([first], tmp_path / "third", 100) != first
    assert len(list((tmp_path / "third").glob("*.tar"))) == 1


def test_a_sample_of_several_folders_is_kept_once_and_told(
    mine: list[Path], rounds: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = [str(rounds[0]), str(mine[0])]
    main(["reshard", "--shards", *shards, "--output", str(tmp_path / "out"), "--samples-per-shard", "5"])
    said = capsys.readouterr().out
    assert [line.split("│")[2].strip() for line in said.splitlines() if "repeated" in line] == ["12"]
    assert members(tmp_path / "out") == members(rounds[0])


def test_finished_tars_are_not_written_again(rounds: list[Path], tmp_path: Path) -> None:
    undisturbed = reshard(rounds, tmp_path / "whole")
    output = reshard(rounds, tmp_path / "out")
    for name in ("manifest.json", "00001.tar"):
        (output / name).unlink()
    kept = (output / "00000.tar").stat().st_mtime_ns
    reshard(rounds, output)
    assert (output / "00000.tar").stat().st_mtime_ns == kept
    assert folder_bytes(output) == folder_bytes(undisturbed)


def test_a_list_is_taken_out_of_it_and_it_can_be_indexed(rounds: list[Path], tmp_path: Path) -> None:
    output = reshard(rounds, tmp_path / "out")
    row = next(row for row in rows(output).values() if row["status"] == "success")
    (tmp_path / "sha256.txt").write_text(row["sha256"])
    main(["index", str(output)])
    main(["remove", "--shards", str(output), "--sha256", str(tmp_path / "sha256.txt")])
    assert row["key"] not in rows(output)
    assert len(keys(open_shards(output))) == SAMPLES - 1


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["reshard", *map(str, arguments)])
    assert ended.value.code == 2
    return capsys.readouterr().err


def rewrite_tables(shards: Path, drop: str) -> None:
    """Write the tables of a folder without a column, and in its stats what they are now."""
    for path in shards.glob("0*.parquet"):
        folder, stats = Folder(str(shards)), shards / f"{path.stem}_stats.json"
        table = pq.read_table(path).drop_columns([drop])
        pq.write_table(table, path)
        body = json.loads(stats.read_text())
        for record in body["files"]:
            if record["name"] == path.name:
                record["bytes"] = folder.size(path.name)
        stats.write_text(json.dumps(body))


def test_bad_input_is_told_before_anything_is_written(
    mine: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    first, second = mine
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "00000.tar").write_bytes(b"")
    of_files = Path(shutil.copytree(first, tmp_path / "files"))
    manifest = json.loads((first / "manifest.json").read_text())
    manifest["summary"]["output_format"] = "files"
    (of_files / "manifest.json").write_text(json.dumps(manifest))
    gone = Path(shutil.copytree(first, tmp_path / "gone"))
    (gone / "00001.tar").unlink()
    png = Path(shutil.copytree(second, tmp_path / "png"))
    run = json.loads((second / "run.json").read_text())
    run["config"]["encode_format"] = "png"
    (png / "run.json").write_text(json.dumps(run))
    unfinished = Path(shutil.copytree(first, tmp_path / "unfinished"))
    (unfinished / "manifest.json").unlink()
    older = Path(shutil.copytree(first, tmp_path / "older"))
    rewrite_tables(older, drop="members")
    other = Path(shutil.copytree(second, tmp_path / "other"))
    rewrite_tables(other, drop="exif")
    tail = ("--output", output, "--samples-per-shard", "4")
    for shards, told in (
        ((tmp_path / "absent",), "no such folder"),
        ((tmp_path / "plain",), "no folder of pipeline download (no run.json)"),
        ((unfinished,), "is unfinished (no manifest.json)"),
        ((of_files,), "was made with --output-format files; expected webdataset"),
        ((gone,), "00001.parquet: in the folder's list of files, but no whole shard has it"),
        ((first, png), "expected images stored in one way, found others: encode_format: 'jpg' -> 'png'"),
        ((first, first), "given twice"),
        ((older,), "00000.parquet: tells no members of the tar (shards of schema 1.4 and before)"),
        ((first, other), "expected the columns of the first folder's tables, found 'exif' as None, not string"),
    ):
        said = error_of(capsys, "--shards", *shards, *tail)
        assert told in said
        assert said.count("\n") == 1
        assert not output.exists()
    assert "choose another folder" in error_of(capsys, "--shards", first, "--output", first, "--samples-per-shard", "4")
    reshard(mine, output)
    assert "belongs to another run" in error_of(
        capsys, "--shards", *mine, "--output", output, "--samples-per-shard", "5"
    )


def test_no_sample_a_shard_is_refused() -> None:
    with pytest.raises(ValueError, match=r"samples_per_shard must be in 1 \.\. 1000000, found 0"):
        ReshardConfig(shards=("a",), output="o", samples_per_shard=0)


def test_a_changed_tar_is_named(mine: list[Path], tmp_path: Path) -> None:
    path = mine[0] / "00000.tar"
    data = bytearray(path.read_bytes())
    data[:4] = b"gone"
    path.write_bytes(data)
    with pytest.raises(Exception, match=r"00000\.tar: expected the sample '[0-9a-f]{32}' at byte"):
        reshard(mine, tmp_path / "out")
