"""Who may read an input is written nowhere: user info and signatures of addresses; signed anew it is the same input."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from tests.conftest import write_queries
from tests.demo.dump_sample import dump_sample
from tests.support.download import picture
from tests.support.folder_bytes import folder_bytes
from tests.support.holding_server import HoldingServer, holding

REPOSITORY = Path(__file__).resolve().parents[2]

SECRETS = ("someuser", "hiddenpw", "hiddensign", "hiddenkey")
SIGNED = "?X-Amz-Credential=hiddenkey&X-Amz-Date={0}&X-Amz-Signature=hiddensign{0}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HoldingServer]:
    root = tmp_path / "served"
    root.mkdir()
    with holding(root) as server:
        (root / "1.jpg").write_bytes(picture())
        rows = [f"{server.url}/1.jpg,a red dog", "http://someuser:hiddenpw@/x.jpg,a red dog", ",a dog"]
        (root / "table.csv").write_text("\n".join(["url,caption", *rows, ""]))
        (root / "lone.csv").write_text(f"url,caption\n{server.url}/1.jpg,a dog\n")
        write_queries(tmp_path / "queries", ["red", "dog"])
        yield server


def address(server: HoldingServer, name: str, signature: int) -> str:
    return server.url.replace("://", "://someuser:hiddenpw@") + f"/{name}{SIGNED.format(signature)}"


def assert_no_secret(place: Path | str) -> None:
    if isinstance(place, str):
        assert not [secret for secret in SECRETS if secret in place]
        return
    for path in place.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".parquet":
                data += repr(pq.read_table(path).to_pylist()).encode()
            assert not [secret for secret in SECRETS if secret.encode() in data], path


def test_a_run_over_signed_addresses_writes_no_secret_and_is_the_same_signed_anew(
    server: HoldingServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def arguments(signature: int, output: str) -> list[str]:
        inputs = ",".join(address(server, name, signature) for name in ("table.csv", "lone.csv"))
        return [
            "run", "--input", inputs, "--queries", f"{tmp_path}/queries", "--output", f"{tmp_path}/{output}",
            "--image-size", "16", "--allow-private-addresses", "--num-decode-processes", "1", "--retries", "0",
            "--max-rejected-fraction", "1",
        ]  # fmt: skip

    for signature, output in ((1, "first"), (2, "second"), (2, "first")):
        monkeypatch.setattr(sys, "argv", ["pipeline", *arguments(signature, output)])
        main()
    assert_no_secret("".join(capsys.readouterr()))
    assert_no_secret(tmp_path / "first")
    assert folder_bytes(tmp_path / "first") == folder_bytes(tmp_path / "second")
    candidates = pq.read_table(tmp_path / "first/candidates/00000.parquet", columns=["source_file"]).to_pylist()
    assert {row["source_file"] for row in candidates} == {"table.csv", "lone.csv"}
    rejected = pq.read_table(tmp_path / "first/candidates/rejections/collect.parquet").to_pylist()
    assert {row["value"] for row in rejected} >= {"http:///x.jpg"}


def test_inputs_that_differ_in_their_query_alone_stay_two(
    server: HoldingServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = ",".join(f"{address(server, 'table.csv', 1)}&id={number}" for number in (1, 2))
    main(["collect", "--input", inputs, "--queries", f"{tmp_path}/queries", "--output", f"{tmp_path}/out",
          "--max-rejected-fraction", "1"])  # fmt: skip
    rejected = pq.read_table(tmp_path / "out/rejections/collect.parquet").to_pylist()
    files = {row["source_file"] for row in rejected}
    assert len(files) == 2
    assert all(file.startswith("table.csv?") for file in files)
    assert_no_secret(tmp_path / "out")


@pytest.mark.parametrize(
    "options",
    [["--input", "none.csv"], ["--input", "table.csv", "--uids", "none.npy"],
     ["--input", "table.csv", "--domain-block-lists", "none.txt"],
     ["--input", "none.tar", "--input-format", "webdataset"], ["--input", "none.paths"]],
    ids=["table", "uids", "list", "tars", "listing"],
)  # fmt: skip
def test_an_error_tells_no_secret(
    server: HoldingServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    named = [address(server, option, 1) if "." in option else option for option in options]
    with pytest.raises(SystemExit):
        main(["collect", *named, "--queries", f"{tmp_path}/queries", "--output", f"{tmp_path}/out"])
    said = "".join(capsys.readouterr())
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1
    assert_no_secret(said)


def test_counting_a_signed_dump_writes_no_secret(server: HoldingServer, tmp_path: Path) -> None:
    (server.root / "dump.xml.bz2").write_bytes(Path(dump_sample()).read_bytes())
    found = []
    for signature, output in ((1, "first"), (2, "second")):
        dump = address(server, "dump.xml.bz2", signature)
        command = [sys.executable, "-m", "querygen", "count", "--dump", dump, "--output", f"{tmp_path}/{output}"]
        done = subprocess.run(
            [*command, "--num-processes", "1"], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert_no_secret(done.stdout + done.stderr)
        assert_no_secret(tmp_path / output)
        found.append(folder_bytes(tmp_path / output))
    assert found[0] == found[1]
