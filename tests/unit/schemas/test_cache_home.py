"""Where the user's cache lies."""

from pathlib import Path

import pytest

from schemas.cache_home import cache_home


@pytest.mark.parametrize("value", [None, ""], ids=["not set", "empty"])
def test_without_the_variable_it_is_below_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_home() == tmp_path / ".cache" / "webimagetext"


def test_the_variable_moves_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_home() == tmp_path / "elsewhere" / "webimagetext"
    assert not (tmp_path / "elsewhere").exists(), "asking makes nothing"
