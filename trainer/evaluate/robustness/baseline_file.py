"""Accuracies of standard models: a CSV in, those of each shifted test set out."""

from dataclasses import dataclass

from trainer.evaluate.csv_rows import read_rows

NEEDED = ("dataset", "reference", "shifted")


@dataclass(frozen=True)
class Baseline:
    """Standard models on one shifted test set."""

    references: list[float]
    shifted: list[float]


def read_baseline(path: str) -> dict[str, Baseline]:
    """Return the models by test set. Raises FileNotFoundError, or ValueError that names the file and the line."""
    table = read_rows(path, "--baseline")
    missing = [name for name in NEEDED if name not in table.names]
    if missing:
        raise ValueError(f"--baseline: {path}: no column {missing[0]!r}; expected {', '.join(NEEDED)}")
    found: dict[str, Baseline] = {}
    for line, row in table.rows:
        of = found.setdefault(row["dataset"] or "", Baseline([], []))
        of.references.append(_accuracy(row["reference"], f"{path}, line {line}: reference"))
        of.shifted.append(_accuracy(row["shifted"], f"{path}, line {line}: shifted"))
    return found


def _accuracy(text: str | None, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise ValueError(f"--baseline: {where} should be an accuracy between 0 and 1, found {text!r}")
    return value
