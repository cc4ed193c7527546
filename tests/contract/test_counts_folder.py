"""``querygen count``, ``merge``, ``build --counts``: the same list as one build over all files; damage is refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from querygen.command import DAMAGED_INPUT, main
from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.contract.test_queries_folder import write_inputs
from tests.support.folder_bytes import folder_bytes
from tests.support.process_tree import wait_until_gone
from tests.support.waiting import PATIENCE_S, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]


def count(root: Path, name: str, *dumps: str, language: str = "en") -> str:
    main(["count", "--dump", ",".join(str(root / dump) for dump in dumps), "--output", str(root / name),
          "--min-word-count", "1", "--count-floor", "1", "--language", language, "--num-processes", "1"])  # fmt: skip
    return str(root / name)


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.fixture
def counted(tmp_path: Path) -> tuple[Path, list[str]]:
    """Return a folder with counts a and b of two dump files, and options of a build over both files."""
    options = write_inputs(tmp_path, num_files=2)
    count(tmp_path, "a", "dump0.xml.bz2")
    count(tmp_path, "b", "dump1.xml.bz2")
    return tmp_path, options


def test_counts_of_two_machines_give_the_list_of_one(counted: tuple[Path, list[str]]) -> None:
    root, options = counted
    main(["build", *options, "--output", str(root / "direct")])
    main(["merge", str(root / "a"), str(root / "b"), "--output", str(root / "ab"),
          "--min-word-count", "1", "--count-floor", "1", "--num-processes", "1"])  # fmt: skip
    direct = folder_bytes(root / "direct")
    for name, counts in (("of-both", f"{root}/a,{root}/b"), ("swapped", f"{root}/b,{root}/a"), ("of-ab", f"{root}/ab")):
        main(["build", "--counts", counts, *options[2:], "--output", str(root / name)])
        found = folder_bytes(root / name)
        assert {file: found[file] for file in direct if file != "manifest.json"} == {
            file: data for file, data in direct.items() if file != "manifest.json"
        }
    whole = folder_bytes(count(root, "whole", "dump0.xml.bz2", "dump1.xml.bz2"))
    for file in ("words.parquet", "bigrams.parquet", "redirects.parquet"):
        assert folder_bytes(root / "ab")[file] == whole[file]


@pytest.mark.parametrize("kind", ["surfaces", "bigrams"])
def test_a_changed_run_is_refused(
    counted: tuple[Path, list[str]], kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root, options = counted
    path = root / "a" / "runs" / f"000000-00.{kind}.arrow"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert path.name in failure(capsys, "build", "--counts", f"{root}/a", *options[2:], "--output", f"{root}/q")
    assert path.name in failure(capsys, "merge", f"{root}/a", f"{root}/b", "--output", f"{root}/ab")


def test_counts_of_another_language_are_refused(
    counted: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    root, options = counted
    arguments = ["build", "--counts", f"{root}/a", *options[2:], "--output", f"{root}/q", "--language", "bg"]
    assert "--language en" in failure(capsys, *arguments)
    count(root, "bg", "dump1.xml.bz2", language="bg")
    assert "--language bg" in failure(capsys, "merge", f"{root}/a", f"{root}/bg", "--output", f"{root}/ab")


def test_nothing_is_counted_twice(counted: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    root, _ = counted
    (root / "copy.xml.bz2").write_bytes((root / "dump0.xml.bz2").read_bytes())
    dumps = f"{root}/dump0.xml.bz2,{root}/copy.xml.bz2"
    assert "same bytes" in failure(capsys, "count", "--dump", dumps, "--output", f"{root}/c")
    count(root, "a2", "copy.xml.bz2")
    assert "both counted" in failure(capsys, "merge", f"{root}/a", f"{root}/a2", "--output", f"{root}/ab")


def test_damage_is_told_by_the_exit_code_each_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_inputs(tmp_path)
    whole = (tmp_path / "dump0.xml.bz2").read_bytes()
    (tmp_path / "cut.bz2").write_bytes(whole + whole[:-20])
    for said in ("damaged", "could not be read"):
        with pytest.raises(SystemExit) as left:
            count(tmp_path, "c", "cut.bz2")
        assert left.value.code == DAMAGED_INPUT
        assert said in capsys.readouterr().out or said == "damaged"
    assert read_manifest(Folder(str(tmp_path / "c")), "counts")["summary"]["rejections"]


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
def test_killed_workers_and_parents(tmp_path: Path) -> None:
    page = "<page><title>T</title><ns>0</ns><revision><text>{}</text></revision></page>\n"
    words = " ".join(f"w{number % 7919}" for number in range(60_000))
    for part in range(40):
        (tmp_path / f"d{part}.xml").write_text(f"<mediawiki>{page.format(words) * 12}{part}</mediawiki>")
    command = [sys.executable, "-m", "querygen", "count", "--dump", f"{tmp_path}/d*.xml", "--num-processes", "2",
               "--output"]  # fmt: skip

    def start(output: str) -> tuple["subprocess.Popen[str]", list[int]]:
        process = subprocess.Popen(
            [*command, f"{tmp_path}/{output}"], cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        runs = tmp_path / output / "runs"
        wait_until(lambda: process.poll() is not None or list(runs.glob("*.json")), "a first file that is counted")
        assert process.poll() is None
        return process, children(process.pid)

    process, workers = start("worker-killed")
    os.kill(workers[-1], signal.SIGKILL)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("error: a process that counts was killed")
    process, workers = start("parent-killed")
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    wait_until_gone(workers)


def test_a_manifest_that_is_no_object(counted: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    root, _ = counted
    (root / "a" / "manifest.json").write_text(json.dumps([]))
    assert "expected a JSON object" in failure(capsys, "merge", f"{root}/a", "--output", f"{root}/ab")
