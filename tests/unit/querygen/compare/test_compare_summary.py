"""What `querygen compare` prints."""

import json
from pathlib import Path

import pytest

from querygen.command import main
from tests.support.queries import make_queries_folder
from tests.support.small_lists import COMPARED


def test_command_writes_json_and_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_queries_folder(tmp_path / "q", COMPARED)
    (tmp_path / "l.txt").write_text("dog\n[red]Owl\x1b[0m[/red]\n")
    monkeypatch.chdir(tmp_path)
    main(["compare", folder.url, "l.txt", "--exact", "--output", "out.json"])
    out = capsys.readouterr().out
    assert "only in B, list: dog, [red]Owl\ufffd[0m[/red]" in out
    first = (tmp_path / "out.json").read_bytes()
    assert json.loads(first)["b"]["distinct"] == 2
    main(["compare", folder.url, str(tmp_path / "l.txt"), "--exact", "--output", str(tmp_path / "again.json")])
    assert (tmp_path / "again.json").read_bytes() == first
