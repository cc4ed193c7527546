"""How large the units of a dump are."""

from pathlib import Path

import pytest

from querygen.counts import counting
from querygen.counts.counting import plan
from tests.unit.querygen.wiki.test_dump import HEADER, page


@pytest.mark.parametrize(
    ("num_bytes", "unit_bytes"),
    [(0, 8 << 20), (16 * (8 << 20) - 1, 8 << 20), (16 * (10 << 20), 10 << 20), (1 << 40, 64 << 20)],
)
def test_small_inputs_have_enough_units_and_large_ones_bounded_units(
    num_bytes: int, unit_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(counting, "plan_units", lambda paths, size, note: asked.append(size) or [])
    assert plan(["d.xml"], [num_bytes]) == ([], [])
    assert asked == [unit_bytes]


def test_every_file_is_in_a_unit(tmp_path: Path) -> None:
    paths = []
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_text(HEADER + page("Dog", "text") + "</mediawiki>")
        paths.append(str(tmp_path / name))
    units, notes = plan(paths, [(tmp_path / "a.xml").stat().st_size] * 2)
    assert len(units) == 2
    assert notes == []
