"""The bar counts commit objects; without a terminal nothing is shown and nothing asked."""

import io
import sys

import pytest

from pipeline.runners import progress
from pipeline.runners.progress import UnitProgress
from schemas.storage import Folder
from schemas.units import commit_unit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_units_of_the_folder_are_counted_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "REMOTE_POLL_S", 0.001)
    folder = Folder("memory://progress/units")
    commit_unit(folder, "parts/00000.json", [], {})
    with UnitProgress(folder, "parts", ".json", 3, "collect"):
        for number in (1, 2):
            commit_unit(folder, f"parts/{number:05d}.json", [], {})
        folder.write("parts/00003.arrow", b"")
    assert "collect: 100%" in screen.getvalue()
    assert "3/3" in screen.getvalue()


def test_nobody_watches_nothing_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(progress, "finished_units", lambda *_: pytest.fail("listed"))
    with UnitProgress(Folder("memory://progress/quiet"), "parts", ".json", 3, "collect"):
        pass
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]
