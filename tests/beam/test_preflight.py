"""`pipeline download --preflight` on a real server: what it tells is what the server does, and it writes nothing."""

from pathlib import Path

import pytest

from pipeline.__main__ import main
from tests.support.download import make_selection
from tests.support.faulty_web import faulty_web


def test_it_tells_the_share_to_expect_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with faulty_web() as web:
        ways = ["good", "good", "good", "403"]
        rows = [(web.url(number, ways[number % 4], number), "x") for number in range(60)]
        make_selection(str(tmp_path / "selection"), [list(rows[:30]), list(rows[30:])])
        before = sorted(tmp_path.rglob("*"))
        main([
            "download", "--selection", str(tmp_path / "selection"), "--output", str(tmp_path / "shards"), "--preflight",
            "--allow-private-addresses", "--num-decode-processes", "1", "--image-size", "16",
        ])  # fmt: skip
        assert len(web.requests) == 60
    assert sorted(tmp_path.rglob("*")) == before
    told = " ".join(capsys.readouterr().out.split())
    assert "75% (63% to 84%" in told
    assert "15 images are refused with 403" in told


def test_a_selection_that_is_not_finished_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(["download", "--selection", str(tmp_path / "none"), "--output", str(tmp_path / "o"), "--preflight"])
    assert error.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
