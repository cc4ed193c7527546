"""The CSV of standard models: read by test set; what is wrong is named with its line."""

from pathlib import Path

import pytest

from trainer.evaluate.robustness.baseline_file import Baseline, read_baseline


def write(root: Path, text: str) -> str:
    (root / "baseline.csv").write_text(text, encoding="utf-8")
    return str(root / "baseline.csv")


def test_models_by_test_set(tmp_path: Path) -> None:
    text = "model,dataset,reference,shifted\nrn50,sketch,0.76,0.24\nrn101,sketch,0.77,0.26\nrn50,v2,0.76,0.63\n"
    assert read_baseline(write(tmp_path, text)) == {
        "sketch": Baseline([0.76, 0.77], [0.24, 0.26]),
        "v2": Baseline([0.76], [0.63]),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset,reference\na,0.5\n", "no column 'shifted'"),
        ("dataset,reference,shifted\na,0.5,0.4\na,76,0.5\n", "line 3: reference should be an accuracy .* found '76'"),
        ("dataset,reference,shifted\na,0.5\n", "line 2: shifted should be .* found None"),
        ("dataset,reference,shifted\na,0.5,nan\n", "line 2: shifted should be .* found 'nan'"),
    ],
    ids=["column", "percent", "short row", "nan"],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_baseline(write(tmp_path, text))
    with pytest.raises(FileNotFoundError, match="--baseline: no such file"):
        read_baseline(str(tmp_path / "absent.csv"))
