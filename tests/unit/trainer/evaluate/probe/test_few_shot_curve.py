"""The whole command: table, curve and crossing of pictures of four colours."""

import csv
from pathlib import Path

import pytest

from tests.support.small_model import write_names, write_pictures, write_small_model
from trainer.evaluate.probe.config import FewShotConfig
from trainer.evaluate.probe.few_shot_curve import few_shot_curve


def test_curve_table_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes, templates = write_names(tmp_path / "names")
    config = FewShotConfig(
        checkpoint=write_small_model(tmp_path), classes=classes, templates=templates,
        train=write_pictures(tmp_path / "train", range(24)), test=write_pictures(tmp_path / "test", range(24, 40)),
        shots=(1, 2, 4), seeds=2, output=str(tmp_path / "out"), threads=1, batch_size=7,
    )  # fmt: skip
    results = few_shot_curve(config)
    assert [row["shots"] for row in results["curves"]["nearest-mean"]] == [1, 2, 4]
    assert results["curves"]["nearest-mean"][-1]["mean"] == 1.0  # pictures of four colours
    rows = list(csv.DictReader((tmp_path / "out" / "few-shot.csv").open()))
    assert len(rows) == 2 * 3 * 2
    assert (tmp_path / "out" / "few-shot.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["zero-shot", *(f"{name}:" for name in results["curves"])]
    assert "nearest-mean: 1: " in "\n".join(said)
    assert "\ufffd" not in "\n".join(said)
    with pytest.raises(ValueError, match=r"--train: .*class 0 has 6 examples, 7 were asked for"):
        few_shot_curve(FewShotConfig(**{**vars(config), "shots": (7,), "output": None}))


@pytest.mark.parametrize("shots", [(), (2, 1), (0, 1), (1, 1)], ids=["none", "descending", "zero", "twice"])
def test_shots_ascend(shots: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shots must be ascending numbers from 1"):
        FewShotConfig(classes="c", templates="t", train="a", test="b", shots=shots)
